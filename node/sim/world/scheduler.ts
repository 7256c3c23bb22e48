import type { TimerHandle } from '../../ports/index.ts';
import type { Process } from './process.ts';
import type { Trace } from './trace.ts';

interface Scheduled {
  readonly dueMs: number;
  /** Of scheduling: what is due at the same moment happens in this order. */
  readonly order: number;
  readonly what: string;
  readonly owner: Process | null;
  readonly run: () => void;
  cancelled: boolean;
}

/**
 * Virtual time. One thing happens after the other; before the next one, everything that the last
 * one set off (microtasks, and what Node's own streams do in between) has come to rest.
 */
export class Scheduler {
  readonly trace: Trace;
  readonly #heap: Scheduled[] = [];
  #nowMs = 0;
  #order = 0;
  #count = 0;

  constructor(trace: Trace) {
    this.trace = trace;
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Things that have happened so far. */
  get count(): number {
    return this.#count;
  }

  /** Lets something happen to a process, or to the world where `owner` is null. */
  after(delayMs: number, what: string, owner: Process | null, run: () => void): TimerHandle {
    const dueMs = this.#nowMs + Math.max(0, delayMs);
    const event: Scheduled = { dueMs, order: this.#order++, what, owner, run, cancelled: false };
    this.#push(event);
    return {
      cancel: () => {
        event.cancelled = true;
      },
    };
  }

  /** A stopped process goes on: what it has missed happens now. */
  resume(process: Process): void {
    for (const { run } of process.resume()) this.after(0, 'held', process, run);
  }

  /** Lets time pass until `endMs`, or until `isOver` holds. */
  runUntil(endMs: number, isOver: () => boolean = () => false): Promise<void> {
    return new Promise((resolve, reject) => {
      const step = (): void => {
        if (isOver()) return resolve();
        const event = this.#takeDue(endMs);
        if (event === null) {
          this.#nowMs = Math.max(this.#nowMs, endMs);
          return resolve();
        }
        try {
          this.#happen(event);
        } catch (error) {
          return reject(error);
        }
        setImmediate(step);
      };
      setImmediate(step);
    });
  }

  #happen({ dueMs, what, owner, run }: Scheduled): void {
    this.#nowMs = Math.max(this.#nowMs, dueMs);
    this.#count += 1;
    this.trace.note(`${this.#nowMs} ${owner?.name ?? '-'} ${what}`);
    if (owner?.stopped) owner.hold({ run });
    else run();
  }

  #takeDue(endMs: number): Scheduled | null {
    for (let top = this.#heap[0]; top !== undefined; top = this.#heap[0]) {
      if (top.dueMs > endMs) return null;
      this.#pop();
      if (!top.cancelled && top.owner?.alive !== false) return top;
    }
    return null;
  }

  #push(event: Scheduled): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !isBefore(event, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      const child = this.#smallerChild(at);
      const below = heap[child];
      if (below === undefined || !isBefore(below, last)) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = last;
  }

  #smallerChild(at: number): number {
    const left = 2 * at + 1;
    const [a, b] = [this.#heap[left], this.#heap[left + 1]];
    return a !== undefined && b !== undefined && isBefore(b, a) ? left + 1 : left;
  }
}

function isBefore(a: Scheduled, b: Scheduled): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}
