import type { RowName } from './expired-rows.ts';

/** So often, in log time, one of them is asked for again. */
const RETRY_EVERY_MS = 100;
/** Most that are asked for again in one go, however long ago the last one was. */
const MAX_RETRIES = 10;

/**
 * Rows whose time has come and that cannot go for now, as they are too much for an entry or something
 * keeps them. To learn that of a row takes up to a thousand others, so it is not asked in front of
 * each command: they are passed over, and asked for again in turn.
 */
export class StuckRows {
  /** The one that is asked for next is first. */
  private readonly names = new Set<string>();
  private retriedMs = 0;

  has(name: string): boolean {
    return this.names.has(name);
  }

  add(name: string): void {
    this.names.add(name);
  }

  /** Forgets those whose turn it is. One that is still stuck is found so and queues up again. */
  retry(nowMs: number): void {
    let turns = Math.min(Math.floor((nowMs - this.retriedMs) / RETRY_EVERY_MS), MAX_RETRIES);
    if (turns < 1) return;
    this.retriedMs = nowMs;
    for (const name of this.names) {
      if (turns-- === 0) break;
      this.names.delete(name);
    }
  }
}

/** One text for each row. */
export function nameOf({ model, id }: RowName): string {
  return `${model}\u0000${id}`;
}
