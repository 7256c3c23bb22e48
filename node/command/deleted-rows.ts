import { DELETION_FIELDS, deletedModelName } from '@lithair/crds';
import { type Change, MAX_CHANGES, type RowChange } from '../entry/index.ts';
import type { JsonObject } from '../ports/index.ts';
import { type ModelPlan, parseRow, type RowsView } from '../state/index.ts';
import { datetimeOf } from '../values/index.ts';
import { changedTo } from './new-row.ts';
import type { LiveRow } from './overlay.ts';
import { MAX_PUT_BYTES, putBytes } from './put-bytes.ts';

interface SoftRows extends RowsView {
  find(model: string, id: string): LiveRow | undefined;
}

/** When and by whom rows are deleted. */
interface Deletion {
  /** Log time. */
  readonly nowMs: number;
  readonly actor: { readonly subject: string };
}

/** What happens to the row under its own name is told by the event of the change beside it. */
const UNTOLD: readonly string[] = [];

/**
 * Deletions, and behind them the rows that stay as deleted ones, of models that keep those. There
 * is one for each id: that of an earlier row of the same id goes.
 *
 * @returns null where all of these are more rows, or larger ones, than one entry takes
 */
export function withDeletedRows(
  rows: SoftRows,
  changes: readonly Change[],
  deletion: Deletion,
): readonly Change[] | null {
  const kept: Change[] = [];
  let bytes = putBytes(changes);
  for (const change of changes) {
    const { model, id, effect } = change;
    const plan = effect === 'deleted' ? rows.plan(deletedModelName(model)) : undefined;
    const before = plan?.schema.deletedOf === model ? rows.find(model, id) : undefined;
    if (plan === undefined || before === undefined) continue;
    const row = deletedRow(rows, plan, id, before, deletion);
    bytes += putBytes([row]);
    kept.push(row);
    if (changes.length + kept.length > MAX_CHANGES) return null;
    // One row by itself is as large as the entry that set it.
    if (bytes > MAX_PUT_BYTES && changes.length > 1) return null;
  }
  return [...changes, ...kept];
}

function deletedRow(
  rows: SoftRows,
  plan: ModelPlan,
  id: string,
  { json }: LiveRow,
  { nowMs, actor }: Deletion,
): Change {
  const { name } = plan.schema;
  const row: JsonObject = {
    ...parseRow(json),
    deletedAt: datetimeOf(nowMs),
    deletedBy: actor.subject,
  };
  const live = rows.versionOf(name, id);
  const effect = live === 0 ? 'created' : 'updated';
  const version = live === 0 ? rows.deletedVersion(name, id) : live;
  return { ...changedTo(effect, plan, id, row, version), events: UNTOLD };
}

/** Brings a deleted row back under its own name, as it was. */
export function restoration(
  rows: SoftRows,
  deleted: ModelPlan,
  target: ModelPlan,
  id: string,
  before: LiveRow,
): readonly Change[] {
  const { name } = target.schema;
  const row = parseRow(before.json);
  for (const field of DELETION_FIELDS) delete row[field.name];
  const put = changedTo('created', target, id, row, rows.deletedVersion(name, id));
  const { name: model } = deleted.schema;
  const removal: RowChange = {
    effect: 'deleted',
    model,
    id,
    expectedVersion: before.version,
    events: UNTOLD,
  };
  return [{ ...put, events: [`${name}Restored`] }, removal];
}
