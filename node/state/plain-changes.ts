import { PlainWrite } from '../entry/index.ts';
import type { HotHistory } from '../history/index.ts';
import type { ModelState } from './model-state.ts';

/** What a plain write meets. */
interface PlainView {
  readonly schemaVersion: number;
  readonly history: Pick<HotHistory, 'rulesOf'>;
  model(name: string): ModelState | undefined;
}

/** Changes that are told from the bytes of their entry alone. */
export class PlainChanges {
  /** What was found last; good until the next call. */
  readonly write = new PlainWrite();
  /** The row that it sets, live or grave; 0 for a new one. */
  row = 0;

  /**
   * The model of the one row that an entry, `bytes[start, end)`, sets: it takes effect, and nothing
   * else needs to be known. Null where the whole entry must be looked at.
   */
  find(view: PlainView, bytes: Buffer, start: number, end: number): ModelState | null {
    const { write } = this;
    if (!write.read(bytes, start, end) || write.schemaVersion !== view.schemaVersion) return null;
    const model = view.model(write.model);
    if (model === undefined || view.history.rulesOf(write.model) !== undefined) return null;
    this.row = model.store.seek(write.view, write.idStart, write.idEnd);
    return isFree(view, model, this.row, write) ? model : null;
  }
}

/**
 * Whether a plain write takes effect on a row of its model, as `findConflicts` judges it. False also
 * where that is not told from bytes alone: then the whole entry must be looked at.
 *
 * @param row what `seek` has found of its id, 0 for none
 */
function isFree(view: PlainView, model: ModelState, row: number, write: PlainWrite): boolean {
  const { plan, store } = model;
  if (!store.takesPlain || write.keyCount !== plan.indexed.length) return false;
  const isLive = row !== 0 && !store.isGrave(row);
  if (isLive === write.isCreation) return false;
  if (write.expectedVersion !== (row === 0 ? 0 : store.versionAt(row))) return false;
  return keepsUnique(model, row, write) && hasTargets(view, model, write);
}

function keepsUnique({ plan, store }: ModelState, row: number, write: PlainWrite): boolean {
  for (const { position, isComposite } of plan.unique) {
    if (isComposite) return false;
    const [start, end] = [write.keyStarts[position] ?? 0, write.keyEnds[position] ?? 0];
    if (start === end) continue;
    const holder = store.holderOf(position, write.view, start, end);
    if (holder !== 0 && holder !== row) return false;
  }
  return true;
}

function hasTargets(view: PlainView, { plan }: ModelState, write: PlainWrite): boolean {
  for (const { position, target } of plan.references) {
    const [start, end] = [write.keyStarts[position] ?? 0, write.keyEnds[position] ?? 0];
    if (start === end) continue;
    // The key of an id has a byte 0 before it where it would be taken for another kind of key.
    const idStart = write.bytes[start] === 0 ? start + 1 : start;
    if (view.model(target)?.store.isLive(write.view, idStart, end) !== true) return false;
  }
  return true;
}
