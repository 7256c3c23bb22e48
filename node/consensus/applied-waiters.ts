import { EngineError } from '../ports/index.ts';

/** Somebody who may go on once the state has reached an index. */
export interface Waiter {
  /** Monotonic milliseconds. */
  readonly dueMs: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Who waits for which applied index, in order of index. */
export class AppliedWaiters {
  #waiters: { readonly index: number; readonly waiter: Waiter }[] = [];

  add(index: number, waiter: Waiter): void {
    let position = this.#waiters.length;
    // Nearly always at the end already: later reads wait for later indexes.
    while (position > 0 && (this.#waiters[position - 1]?.index ?? 0) > index) position--;
    this.#waiters.splice(position, 0, { index, waiter });
  }

  advance(applied: number): void {
    let count = 0;
    for (const { index, waiter } of this.#waiters) {
      if (index > applied) break;
      waiter.resolve();
      count++;
    }
    if (count > 0) this.#waiters.splice(0, count);
  }

  sweep(nowMs: number): void {
    if (this.#waiters.length === 0) return;
    this.#rejectWhere(
      (waiter) => waiter.dueMs <= nowMs,
      'this node is behind and did not catch up',
    );
  }

  close(reason: string): void {
    this.#rejectWhere(() => true, reason);
  }

  #rejectWhere(isOver: (waiter: Waiter) => boolean, reason: string): void {
    const over = this.#waiters.filter(({ waiter }) => isOver(waiter));
    if (over.length === 0) return;
    this.#waiters = this.#waiters.filter(({ waiter }) => !isOver(waiter));
    for (const { waiter } of over) waiter.reject(new EngineError('unavailable', reason));
  }
}
