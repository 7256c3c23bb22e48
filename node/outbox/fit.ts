import type { MergePatch } from '../command/index.ts';
import type { LocalChange, LocalWrite } from '../entry/index.ts';
import { currentRow, parseRow, type ReplicatedState, rowKeys } from '../state/index.ts';

const NOTHING = '{}';

/**
 * A write that was made under an earlier schema, as the present one has it: new fields with what
 * old rows get, keys for the indexes of today. What does not fit any more is kept as such: it is
 * ordered, too, to be remembered as lost.
 */
export function fitWrite(
  state: Pick<ReplicatedState, 'schema' | 'plan'>,
  mergePatch: MergePatch,
  write: LocalWrite,
): LocalWrite {
  const changes = write.changes.map((change) => fitChange(state, mergePatch, change));
  return { ...write, changes };
}

function fitChange(
  state: Pick<ReplicatedState, 'schema' | 'plan'>,
  mergePatch: MergePatch,
  change: LocalChange,
): LocalChange {
  const { model, id } = change;
  const plan = state.plan(model);
  const json = change.effect === 'deleted' ? null : change.json;
  const unfit = { effect: 'unfit', model, id, json } as const;
  if (change.effect === 'unfit') return change;
  if (plan === undefined || plan.schema.consistency !== 'eventual') return unfit;
  if (change.effect === 'deleted') return change;
  const row = currentRow(plan, change.json);
  const patch = { id, before: row, format: 'merge', patch: NOTHING, scope: null } as const;
  if (!mergePatch(state.schema, plan.schema, patch).ok) return unfit;
  return { ...change, json: row, keys: rowKeys(plan, parseRow(row)) };
}
