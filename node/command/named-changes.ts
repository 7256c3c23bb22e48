import { type Change, isPut } from '../entry/index.ts';
import { changedFields, declaredEvents } from '../history/index.ts';
import { parseRow, type RowsView } from '../state/index.ts';
import type { LiveRow } from './overlay.ts';

interface NamedRows extends Pick<RowsView, 'plan'> {
  find(model: string, id: string): LiveRow | undefined;
}

/**
 * A change with the names of the declared events that it is, and of the transitions that it takes. Decided here, on the leader, because
 * apply compares and sets and parses nothing.
 */
export function named(rows: NamedRows, change: Change, moves: readonly string[] = []): Change {
  const { model, effect, id } = change;
  if (change.events !== undefined) return change;
  const schema = rows.plan(model)?.schema;
  if (schema === undefined || effect === 'unchanged') return change;
  if (schema.events === undefined)
    return moves.length === 0 ? change : { ...change, events: moves };
  const events = declaredEvents(schema, effect, () => {
    const before = rows.find(model, id);
    const after = isPut(change) ? parseRow(change.json) : {};
    return changedFields(schema, before === undefined ? {} : parseRow(before.json), after);
  });
  const all = [...events, ...moves];
  return all.length === 0 ? change : { ...change, events: all };
}
