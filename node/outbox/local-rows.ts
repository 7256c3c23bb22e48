import type { LocalWrite, Stamp } from '../entry/index.ts';
import type { IndexKey } from '../ports/index.ts';

/** A row as the last local write to it leaves it. */
export interface LocalRow {
  readonly id: string;
  /** Place of the write in the outbox. */
  readonly sequence: number;
  readonly stamp: Stamp;
  /** Serialized JSON; null where it is deleted. */
  readonly json: string | null;
  readonly keys: readonly IndexKey[];
}

/** A write with its place, and the member that took it. */
export interface PlacedWrite {
  readonly sequence: number;
  readonly memberId: number;
  readonly write: LocalWrite;
}

/** The newest local write to each row, by model and id. */
export class LocalRows {
  readonly #models = new Map<string, Map<string, LocalRow>>();
  #changes = 0;

  /** Counts changes, so that what was worked out of the rows can be kept until the next one. */
  get changes(): number {
    return this.#changes;
  }

  of(model: string): ReadonlyMap<string, LocalRow> | undefined {
    return this.#models.get(model);
  }

  /** Writes must come in the order of the outbox. */
  add({ sequence, memberId, write }: PlacedWrite): void {
    this.#changes += 1;
    const stamp = { ...write.stamp, memberId };
    for (const change of write.changes) {
      if (change.effect === 'unfit') continue;
      const { model, id, effect } = change;
      const isPut = effect === 'put';
      const row = {
        id,
        sequence,
        stamp,
        json: isPut ? change.json : null,
        keys: isPut ? change.keys : [],
      };
      this.#modelOf(model).set(id, row);
    }
  }

  /** Takes a write away that is ordered: the state has it now. */
  remove({ sequence, write }: PlacedWrite): void {
    this.#changes += 1;
    for (const { model, id } of write.changes) {
      const rows = this.#models.get(model);
      if (rows?.get(id)?.sequence !== sequence) continue;
      rows.delete(id);
      if (rows.size === 0) this.#models.delete(model);
    }
  }

  clear(): void {
    this.#changes += 1;
    this.#models.clear();
  }

  #modelOf(name: string): Map<string, LocalRow> {
    const known = this.#models.get(name);
    if (known !== undefined) return known;
    const made = new Map<string, LocalRow>();
    this.#models.set(name, made);
    return made;
  }
}
