import type { SnapshotMetadata } from 'etcd-raft-ts';
import { viewOf } from './numbers.ts';

const SMALLEST_BUFFER_BYTES = 64 * 1024;
const LARGEST_KEPT_BUFFER_BYTES = 8 * 1024 * 1024;
const MAX_KEPT_BUFFERS = 3;

/** Buffers of finished batches, to be used again. */
export class BufferPool {
  readonly #free: Uint8Array[] = [];

  take(): Uint8Array {
    return this.#free.pop() ?? new Uint8Array(SMALLEST_BUFFER_BYTES);
  }

  give(buffer: Uint8Array): void {
    if (this.#free.length >= MAX_KEPT_BUFFERS) return;
    if (buffer.length <= LARGEST_KEPT_BUFFER_BYTES) this.#free.push(buffer);
  }
}

/** Bytes on their way to one place in one segment, and who waits for them. */
export class Batch {
  /** The segment that the bytes go to. */
  readonly sequence: number;
  /** Where in it they begin. */
  readonly offset: number;
  /** True where the batch begins its segment: the bytes start with the header block. */
  readonly beginsSegment: boolean;
  /** A received snapshot to put in place before anything is written. */
  readonly install: SnapshotMetadata | null;
  readonly callbacks: (() => void)[] = [];
  length = 0;
  records = 0;
  /** The lowest entry in the batch, or the index that it restarts the log behind. */
  lowestIndex = Number.MAX_SAFE_INTEGER;
  /** Last index of the log when the batch was closed. */
  lastIndex = 0;
  bytes: Uint8Array;
  view: DataView;

  constructor(
    place: { sequence: number; offset: number; beginsSegment: boolean },
    install: SnapshotMetadata | null,
    buffer: Uint8Array,
  ) {
    this.sequence = place.sequence;
    this.offset = place.offset;
    this.beginsSegment = place.beginsSegment;
    this.install = install;
    this.bytes = buffer;
    this.view = viewOf(buffer);
  }

  /** Takes `count` bytes at the end, and returns where they start in `bytes`. */
  reserve(count: number): number {
    const start = this.length;
    this.length += count;
    if (this.length > this.bytes.length) this.#grow();
    return start;
  }

  content(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }

  #grow(): void {
    let size = this.bytes.length;
    while (size < this.length) size *= 2;
    const bytes = new Uint8Array(size);
    bytes.set(this.bytes);
    this.bytes = bytes;
    this.view = viewOf(bytes);
  }
}
