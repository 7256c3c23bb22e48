import { type Change, isPut, type PutChange } from '../entry/index.ts';
import { type Conflict, type ModelPlan, parseRow, type RowsView, rowKeys } from '../state/index.ts';
import { expiryOf, idOfKey, isExpired, NULL_KEY } from '../values/index.ts';
import type { LiveRow } from './overlay.ts';
import { conflict } from './refusal.ts';

interface ReferredRows extends Pick<RowsView, 'plan'> {
  find(model: string, id: string): LiveRow | undefined;
}

/**
 * References that changes make to rows whose time has come: these are shown nowhere, and what refers to
 * them would go with them. Rows that refer to one already are left to its deletion.
 */
export function expiredTargets(
  rows: ReferredRows,
  changes: readonly Change[],
  nowMs: number,
): Conflict[] {
  return changes.flatMap((change, at) => {
    const plan = rows.plan(change.model);
    if (plan === undefined || !isPut(change) || !refersToExpiring(rows, plan)) return [];
    const before = keysBefore(rows, plan, change);
    return plan.references.flatMap(({ name, position, target }) => {
      const key = change.keys[position] ?? NULL_KEY;
      if (key === NULL_KEY || key === before?.[position]) return [];
      const id = idOfKey(key);
      const isMade = changes.some((other) => other.model === target && other.id === id);
      return !isMade && hasExpired(rows, target, id, nowMs)
        ? [missing(plan, name, target, at)]
        : [];
    });
  });
}

function refersToExpiring(rows: ReferredRows, { references }: ModelPlan): boolean {
  return references.some(({ target }) => {
    const schema = rows.plan(target)?.schema;
    return schema !== undefined && expiryOf(schema) !== null;
  });
}

function keysBefore(rows: ReferredRows, plan: ModelPlan, { effect, model, id }: PutChange) {
  const before = effect === 'created' ? undefined : rows.find(model, id);
  return before === undefined ? null : rowKeys(plan, parseRow(before.json));
}

/** Whether a row is there whose time has come. */
export function hasExpired(rows: ReferredRows, model: string, id: string, nowMs: number): boolean {
  const schema = rows.plan(model)?.schema;
  const expiry = schema === undefined ? null : expiryOf(schema);
  const found = expiry === null ? undefined : rows.find(model, id);
  return expiry !== null && found !== undefined && isExpired(expiry, parseRow(found.json), nowMs);
}

/** As of a row that is not there. */
function missing({ schema }: ModelPlan, field: string, target: string, at: number): Conflict {
  const about = { model: schema.name, fields: [field], otherwise: 'a reference points to nothing' };
  return conflict('missing_reference', at, field, `there is no ${target} with this id`, about);
}
