import type { RawNode, ReadState } from 'etcd-raft-ts';
import { type Clock, EngineError, type Random } from '../ports/index.ts';
import type { Waiter } from './applied-waiters.ts';

/** Batches that wait for a quorum at a time; later reads share the next one. */
const MAX_ATTEMPTS = 4;
/** Nonce of this start (8 bytes), number of the attempt (6 bytes). */
const NONCE_BYTES = 8;
const CONTEXT_BYTES = NONCE_BYTES + 6;

interface Attempt {
  readonly startedMs: number;
  readonly waiters: readonly Waiter[];
}

/**
 * Linearizable reads (Raft thesis, section 6.4): all reads that begin in one turn of the event loop
 * share one confirmation by a quorum. A request context is never used twice, so an answer that was
 * on its way for long can never confirm a read that began after it.
 */
export class ReadIndexes {
  readonly #clock: Clock;
  readonly #attemptMs: number;
  readonly #nonce: Uint8Array;
  readonly #attempts = new Map<number, Attempt>();
  #waiting: Waiter[] = [];
  #lastAttempt = 0;

  constructor(clock: Clock, random: Random, attemptMs: number) {
    this.#clock = clock;
    this.#attemptMs = attemptMs;
    const nonce = new Uint8Array(NONCE_BYTES);
    // oxlint-disable-next-line unicorn/no-array-fill-with-reference-type -- not that of an array
    random.fill(nonce);
    this.#nonce = nonce;
  }

  add(waiter: Waiter): void {
    this.#waiting.push(waiter);
  }

  /** Whether {@link flush} would ask for anything. */
  get due(): boolean {
    return this.#waiting.length > 0 && this.#attempts.size < MAX_ATTEMPTS;
  }

  /** Asks the core for one read index on behalf of all that wait. */
  flush(node: RawNode): void {
    if (!this.due || node.basicStatus().lead === 0) return;
    const context = Buffer.alloc(CONTEXT_BYTES);
    context.set(this.#nonce, 0);
    context.writeUIntBE(++this.#lastAttempt, NONCE_BYTES, 6);
    this.#attempts.set(this.#lastAttempt, {
      startedMs: this.#clock.monotonicMs(),
      waiters: this.#waiting,
    });
    this.#waiting = [];
    node.readIndex(context);
  }

  /** Who may go on at which index; empty for an answer to an attempt that was given up. */
  onReadState(state: ReadState): readonly Waiter[] {
    const context = Buffer.from(state.requestCtx);
    if (context.length !== CONTEXT_BYTES) return [];
    if (!context.subarray(0, NONCE_BYTES).equals(this.#nonce)) return [];
    const number = context.readUIntBE(NONCE_BYTES, 6);
    const attempt = this.#attempts.get(number);
    this.#attempts.delete(number);
    return attempt?.waiters ?? [];
  }

  /** Everything under way is asked again: whoever was asked is not the leader any more. */
  retry(): void {
    for (const attempt of this.#attempts.values()) this.#waiting.push(...attempt.waiters);
    this.#attempts.clear();
  }

  /** Asks again where an answer is missing for long, and gives up what is overdue. */
  sweep(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [number, attempt] of this.#attempts) {
      if (attempt.startedMs + this.#attemptMs > nowMs) continue;
      this.#attempts.delete(number);
      this.#waiting.push(...attempt.waiters);
    }
    this.#rejectWhere((waiter) => waiter.dueMs <= nowMs, 'no quorum confirmed the read in time');
  }

  close(reason: string): void {
    this.retry();
    this.#rejectWhere(() => true, reason);
  }

  #rejectWhere(isOver: (waiter: Waiter) => boolean, reason: string): void {
    const over = this.#waiting.filter(isOver);
    if (over.length === 0) return;
    this.#waiting = this.#waiting.filter((waiter) => !isOver(waiter));
    for (const waiter of over) waiter.reject(new EngineError('unavailable', reason));
  }
}
