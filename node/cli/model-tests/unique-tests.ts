// What no two rows may share: values of one field, of several together, and for ever.
import {
  compileExpression,
  computedFields,
  type FieldSchema,
  type IndexSpec,
  type JsonValue,
  type ModelSchema,
} from '@lithair/crds';
import type { JsonObject } from '../../ports/index.ts';
import {
  type Bench,
  expectProblem,
  expectStatus,
  type ModelTest,
  memberOf,
  NotDerived,
  testOf,
} from './model-test.ts';
import { searchBody } from './row-search.ts';
import type { SampleRow } from './sample-rows.ts';
import type { Answer } from './throw-away-node.ts';

export function uniqueTests(bench: Bench): ModelTest[] {
  const { model } = bench;
  const fields = model.fields.filter(
    ({ unique, computed, hidden }) => unique && computed === undefined && hidden !== true,
  );
  const made = computedFields(model).filter(({ name }) =>
    model.fields.some((field) => field.name === name && field.unique && field.hidden !== true),
  );
  return [
    ...fields.map((field) => ofField(bench, field)),
    ...made.map((field) => ofComputed(bench, field)),
    ...(model.indexes ?? []).flatMap((index) => (index.unique ? ofIndex(bench, index) : [])),
  ];
}

function ofField(bench: Bench, field: FieldSchema): ModelTest {
  const { node, rows, model } = bench;
  const how = field.collation === undefined ? '' : `, compared by ${field.collation}`;
  return testOf(model, `${field.name}: unique${how}: refuses a value that is taken`, async () => {
    const sample = (await rows.body(model))[field.name];
    const isReference = sample === undefined && field.type === 'reference';
    const value = isReference ? await rows.referred(field) : sample;
    if (value === undefined) throw new NotDerived(`no value of ${field.name} was found`);
    const first = await rows.create(model, { [field.name]: value });
    const second = await rows.body(model, { [field.name]: value });
    const isText = field.collation !== undefined && typeof value === 'string';
    const body = isText ? { ...second, [field.name]: value.toUpperCase() } : second;
    const answer = await node.send('POST', model.path, { body });
    expectProblem(answer, 409, 'unique_conflict', `/${field.name}`);
    await rows.remove(first);
    // What was used once may stay taken by an index of its own.
    if (model.indexes?.some(({ unique }) => unique === 'forever')) return;
    expectStatus(await node.send('POST', model.path, { body }), 201);
  });
}

/** Two rows of which the same value is made. */
function ofComputed(
  { node, rows, model }: Bench,
  field: ReturnType<typeof computedFields>[number],
) {
  const { name, computation } = field;
  return testOf(
    model,
    `${name}: unique: refuses a row of which the same value is made`,
    async () => {
      const { body, row } = await rows.create(model);
      if ((row[name] ?? null) === null) throw new NotDerived(`${name} has no value in the sample`);
      const read = Object.entries(body).filter(([each]) => computation.reads.self.has(each));
      const second = await rows.body(model, Object.fromEntries(read));
      const answer = await node.send('POST', model.path, { body: second });
      expectProblem(answer, 409, 'unique_conflict');
    },
  );
}

function ofIndex(bench: Bench, index: IndexSpec): ModelTest[] {
  const { node, rows, model } = bench;
  const { fields, unique, where } = index;
  const of = where === undefined ? '' : ` where ${where}`;
  const what = `(${fields.join(', ')})${of}: unique`;
  const create = (body: JsonObject) => node.send('POST', model.path, { body });
  const refuses = testOf(model, `${what}: refuses values that are taken together`, async () => {
    const [, values] = await taken(bench, index);
    expectConflict(await create(await rows.body(model, values)), fields);
  });
  const takes = testOf(model, `${what}: takes values that are not taken together`, async () => {
    const [, values] = await taken(bench, index);
    const [[name, value] = []] = Object.entries(values);
    if (name === undefined || value === undefined) throw new NotDerived('there is no value');
    const answer = await create(await rows.body(model, { [name]: value }));
    if (answer.json['code'] === 'unique_conflict' && !isAbout(answer, fields)) {
      throw new NotDerived('another unique value follows from these');
    }
    expectStatus(answer, 201);
  });
  const keeps = testOf(model, `${what} forever: refuses what a deleted row had`, async () => {
    const [first, values] = await taken(bench, index);
    const body = await rows.body(model, values);
    await rows.remove(first);
    const answer = await create(body);
    if (answer.json[model.primaryKey] === first.id) {
      throw new NotDerived('the key is made of these values, and its row may take them back');
    }
    expectConflict(answer, fields);
  });
  return [
    refuses,
    ...(fields.length > 1 ? [takes] : []),
    ...(where === undefined ? [] : [outside(bench, index, where, what)]),
    ...(unique === 'forever' ? [keeps] : []),
  ];
}

/** Rows for which the condition of the index does not hold have what they like. */
function outside(bench: Bench, index: IndexSpec, where: string, what: string): ModelTest {
  const { node, rows, model } = bench;
  return testOf(model, `${what}: takes them in rows that do not count`, async () => {
    const condition = compileExpression(model, where, ['self']);
    const isOutside = (self: JsonObject) => !condition.holds({ self });
    const read = readBy(model, where);
    const hasAll = (row: JsonObject) => index.fields.every((name) => (row[name] ?? null) !== null);
    const first = searchBody(
      model,
      await rows.body(model),
      [...new Set([...read, ...index.fields])],
      [where],
      (row) => isOutside(row) && hasAll(row),
    );
    if (first === null) throw new NotDerived('no row was found that the index does not hold');
    const shared = Object.fromEntries(
      [...index.fields, ...read].flatMap((name) => {
        const value = first[name];
        return value === undefined ? [] : [[name, value] as const];
      }),
    );
    await rows.create(model, shared);
    const answer = await node.send('POST', model.path, { body: await rows.body(model, shared) });
    if (answer.json['code'] === 'unique_conflict' && !isAbout(answer, index.fields)) {
      throw new NotDerived('another unique value follows from these');
    }
    expectStatus(answer, 201);
  });
}

/** A row that the index holds, and what it has there. */
async function taken(
  { rows, model }: Bench,
  { fields, where }: IndexSpec,
): Promise<[row: SampleRow, values: Record<string, JsonValue>]> {
  const body = await rows.body(model);
  const { [model.primaryKey]: _, ...given } =
    where === undefined ? body : within(model, body, where);
  const row = await rows.create(model, where === undefined ? {} : given);
  const values: Record<string, JsonValue> = {};
  const read = where === undefined ? [] : readBy(model, where);
  for (const name of [...fields, ...read]) {
    const value = row.body[name];
    if (value !== undefined && value !== null) values[name] = value;
    else if (fields.includes(name)) {
      throw new NotDerived('no row was found that has all of the values');
    }
  }
  return [row, values];
}

function readBy(model: ModelSchema, where: string): string[] {
  return [...compileExpression(model, where, ['self']).reads.self];
}

/** A body of a row for which the condition of the index holds. */
function within(model: ModelSchema, body: JsonObject, where: string): JsonObject {
  const condition = compileExpression(model, where, ['self']);
  const varied = [...condition.reads.self];
  const found = searchBody(model, body, varied, [where], (self) => condition.holds({ self }));
  if (found !== null) return found;
  throw new NotDerived('no row was found that the index holds');
}

/** @throws Unmet unless the answer says that these are taken together */
function expectConflict(answer: Answer, fields: readonly string[]): void {
  for (const name of fields) expectProblem(answer, 409, 'unique_conflict', `/${name}`);
}

function isAbout({ json }: Answer, fields: readonly string[]): boolean {
  const errors = Array.isArray(json['errors']) ? json['errors'] : [];
  const places = errors.map((error) => memberOf(error, 'pointer'));
  return fields.every((name) => places.includes(`/${name}`));
}
