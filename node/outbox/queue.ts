import type { LocalWrite } from '../entry/index.ts';
import type { PlacedWrite } from './local-rows.ts';

/** Below this many settled writes the queue is not compacted. */
const COMPACT_FROM = 1024;

/** A write that is not ordered yet. */
export interface QueuedWrite extends PlacedWrite {
  /** As it fits the schema of {@link schemaVersion}. */
  readonly write: LocalWrite;
  readonly schemaVersion: number;
  readonly bytes: number;
  /** When it was taken, by the clock of the node; epoch milliseconds. */
  readonly takenMs: number;
  /** Whether it is on the disk, so that others may see it. */
  isDurable: boolean;
}

/** Writes in the order of the outbox. */
export class WriteQueue {
  #writes: QueuedWrite[] = [];
  #head = 0;
  #bytes = 0;

  get length(): number {
    return this.#writes.length - this.#head;
  }

  /** Of their records on the disk. */
  get bytes(): number {
    return this.#bytes;
  }

  get first(): QueuedWrite | undefined {
    return this.#writes[this.#head];
  }

  get last(): QueuedWrite | undefined {
    return this.length === 0 ? undefined : this.#writes.at(-1);
  }

  push(write: QueuedWrite): void {
    this.#writes.push(write);
    this.#bytes += write.bytes;
  }

  /** The write at a place of the outbox; undefined where it is ordered. */
  find(sequence: number): QueuedWrite | undefined {
    const first = this.first?.sequence ?? 0;
    return sequence < first ? undefined : this.#writes[this.#head + sequence - first];
  }

  /** Takes the first away. */
  shift(): QueuedWrite | undefined {
    const first = this.#writes[this.#head];
    if (first === undefined) return undefined;
    this.#head += 1;
    this.#bytes -= first.bytes;
    if (this.#head >= COMPACT_FROM || this.#head === this.#writes.length) {
      this.#writes = this.#writes.slice(this.#head);
      this.#head = 0;
    }
    return first;
  }

  /** All of them, in order. */
  list(): readonly QueuedWrite[] {
    return this.#writes.slice(this.#head);
  }

  /** The first ones that are durable, up to both bounds; at least one where there is one. */
  batch(maxWrites: number, maxBytes: number): readonly QueuedWrite[] {
    const batch: QueuedWrite[] = [];
    let bytes = 0;
    for (let at = this.#head; at < this.#writes.length && batch.length < maxWrites; at++) {
      const write = this.#writes[at];
      if (write === undefined || !write.isDurable) break;
      bytes += write.bytes;
      if (batch.length > 0 && bytes > maxBytes) break;
      batch.push(write);
    }
    return batch;
  }

  /** Puts others in the place of all, one for one. */
  replace(next: (write: QueuedWrite) => QueuedWrite): void {
    this.#writes = this.list().map(next);
    this.#head = 0;
  }
}
