import type { JsonObject } from '../../ports/index.ts';
import type { Bench } from './model-test.ts';
import type { SampleRow } from './sample-rows.ts';

/** A body that replaces a row: other values, but for those that never change. */
export async function changedBody({ rows, model }: Bench, row: SampleRow): Promise<JsonObject> {
  const kept = model.fields.filter(({ immutable }) => immutable).map(({ name }) => name);
  const fixed = Object.fromEntries(
    Object.entries(row.body).filter(([name]) => kept.includes(name)),
  );
  const { [model.primaryKey]: _, ...body } = await rows.body(model, fixed);
  for (const name of kept) if (fixed[name] === undefined) delete body[name];
  return body;
}
