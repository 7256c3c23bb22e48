import type { RawNode, ReadState } from 'etcd-raft-ts';
import type { Clock, Random } from '../ports/index.ts';
import { AppliedWaiters, type Waiter } from './applied-waiters.ts';
import { ReadIndexes } from './read-index.ts';

/** Reads that wait: first for a quorum to confirm an index, then for the state to reach it. */
export class Reads {
  readonly #clock: Clock;
  readonly #indexes: ReadIndexes;
  readonly #applied = new AppliedWaiters();

  constructor(clock: Clock, random: Random, attemptMs: number) {
    this.#clock = clock;
    this.#indexes = new ReadIndexes(clock, random, attemptMs);
  }

  /** Whether {@link flush} would ask for anything. */
  get due(): boolean {
    return this.#indexes.due;
  }

  confirm(timeoutMs: number): Promise<void> {
    return this.#wait(timeoutMs, (waiter) => this.#indexes.add(waiter));
  }

  waitApplied(index: number, timeoutMs: number): Promise<void> {
    return this.#wait(timeoutMs, (waiter) => this.#applied.add(index, waiter));
  }

  flush(node: RawNode): void {
    this.#indexes.flush(node);
  }

  onReadState(state: ReadState): void {
    for (const waiter of this.#indexes.onReadState(state)) this.#applied.add(state.index, waiter);
  }

  onApplied(index: number): void {
    this.#applied.advance(index);
  }

  /** The leader changed: what it was asked is asked again. */
  retry(): void {
    this.#indexes.retry();
  }

  sweep(): void {
    this.#indexes.sweep();
    this.#applied.sweep(this.#clock.monotonicMs());
  }

  close(reason: string): void {
    this.#indexes.close(reason);
    this.#applied.close(reason);
  }

  #wait(timeoutMs: number, add: (waiter: Waiter) => void): Promise<void> {
    const dueMs = this.#clock.monotonicMs() + timeoutMs;
    return new Promise((resolve, reject) => add({ dueMs, resolve, reject }));
  }
}
