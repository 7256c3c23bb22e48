import type { Entry, Message } from 'etcd-raft-ts';
import type { Clock } from '../ports/index.ts';

/** Entries between two looks at the clock. */
const CLOCK_INTERVAL = 32;

/** Where committed entries go. */
export interface ApplyTarget {
  /** False where an entry must wait; a slice of what it waits for is done by the call. */
  readyFor(entry: Entry): boolean;
  apply(entry: Entry): void;
}

/**
 * The storage thread for applying: committed entries in order, a slice of time at a time, so that
 * ticks and requests never wait behind a long backlog.
 */
export class ApplyQueue {
  readonly #clock: Clock;
  readonly #sliceMs: number;
  readonly #target: ApplyTarget;
  readonly #deliver: (responses: readonly Message[]) => void;
  readonly #queue: Message[] = [];
  /** Position in the first message of the queue. */
  #next = 0;

  constructor(
    clock: Clock,
    sliceMs: number,
    target: ApplyTarget,
    deliver: (responses: readonly Message[]) => void,
  ) {
    this.#clock = clock;
    this.#sliceMs = sliceMs;
    this.#target = target;
    this.#deliver = deliver;
  }

  get busy(): boolean {
    return this.#queue.length > 0;
  }

  push(message: Message): void {
    this.#queue.push(message);
  }

  /** Applies until nothing is left or the slice is over. */
  run(): void {
    if (this.#queue.length === 0) return;
    const endMs = this.#clock.monotonicMs() + this.#sliceMs;
    for (let head = this.#queue[0]; head !== undefined; head = this.#queue[0]) {
      this.#applySome(head.entries);
      if (this.#next === head.entries.length) {
        this.#queue.shift();
        this.#next = 0;
        this.#deliver(head.responses);
      }
      if (this.#clock.monotonicMs() >= endMs) return;
    }
  }

  #applySome(entries: readonly Entry[]): void {
    const end = Math.min(entries.length, this.#next + CLOCK_INTERVAL);
    while (this.#next < end) {
      const entry = entries[this.#next];
      if (entry !== undefined) {
        if (!this.#target.readyFor(entry)) return;
        this.#target.apply(entry);
      }
      this.#next += 1;
    }
  }
}
