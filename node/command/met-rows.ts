import type { IndexKey } from '../ports/index.ts';
import type { ModelPlan } from '../state/index.ts';
import { expiryOf } from '../values/index.ts';
import type { RowName } from './expired-rows.ts';
import { hasExpired } from './expired-targets.ts';
import type { LiveRow } from './overlay.ts';
import type { PlannedRows } from './planning.ts';
import { nameOf, type StuckRows } from './stuck-rows.ts';

/** As many as one entry deletes of those that expire. */
const MAX_HOLDERS = 200;

/** Rows as a command meets them, which remember those that may have been in its way and expire. */
export class MetRows implements PlannedRows {
  readonly #rows: PlannedRows;
  readonly #met = new Map<string, RowName>();

  constructor(rows: PlannedRows) {
    this.#rows = rows;
  }

  /** Those whose time has come, and that can go. */
  expired(nowMs: number, stuck: StuckRows): readonly RowName[] {
    return [...this.#met].flatMap(([name, row]) =>
      !stuck.has(name) && hasExpired(this.#rows, row.model, row.id, nowMs) ? [row] : [],
    );
  }

  plan(model: string): ModelPlan | undefined {
    return this.#rows.plan(model);
  }

  find(model: string, id: string): LiveRow | undefined {
    return this.#rows.find(model, id);
  }

  versionOf(model: string, id: string): number {
    const version = this.#rows.versionOf(model, id);
    if (version !== 0) this.#note(model, id);
    return version;
  }

  deletedVersion(model: string, id: string): number {
    return this.#rows.deletedVersion(model, id);
  }

  holder(model: string, position: number, key: IndexKey): string | undefined {
    const id = this.#rows.holder(model, position, key);
    if (id !== undefined) this.#note(model, id);
    return id;
  }

  /** Whoever asks may stop at the first one, behind which others are in the way as well. */
  holders(model: string, position: number, key: IndexKey): Iterable<string> {
    if (this.#expires(model)) {
      const ids = Iterator.from(this.#rows.holders(model, position, key));
      for (const id of ids.take(MAX_HOLDERS)) this.#note(model, id);
    }
    return this.#rows.holders(model, position, key);
  }

  #note(model: string, id: string): void {
    if (this.#expires(model)) this.#met.set(nameOf({ model, id }), { model, id });
  }

  #expires(model: string): boolean {
    const schema = this.#rows.plan(model)?.schema;
    return schema !== undefined && expiryOf(schema) !== null;
  }
}
