import type { Clock } from '../ports/index.ts';

/** What leaves at once: a twentieth of a second's worth, within these bounds. */
const MIN_SLICE_BYTES = 4 * 1024;
const MAX_SLICE_BYTES = 256 * 1024;

/** Bounds how fast bytes leave, over all streams together, so that they leave room for others. */
export class Pace {
  readonly #clock: Clock;
  readonly #bytesPerMs: number;
  readonly #sliceBytes: number;
  #freeAtMs = 0;

  constructor(clock: Clock, bytesPerSecond: number) {
    this.#clock = clock;
    this.#bytesPerMs = bytesPerSecond / 1000;
    const slice = Math.floor(bytesPerSecond / 20);
    this.#sliceBytes = Math.min(MAX_SLICE_BYTES, Math.max(MIN_SLICE_BYTES, slice));
  }

  /** Gives chunks on, in slices, each once it is its turn. */
  async *limit(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      for (let at = 0; at < chunk.length; at += this.#sliceBytes) {
        const slice = chunk.subarray(at, at + this.#sliceBytes);
        await this.#turn(slice.length);
        yield slice;
      }
    }
  }

  async #turn(bytes: number): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    const atMs = Math.max(nowMs, this.#freeAtMs);
    this.#freeAtMs = atMs + bytes / this.#bytesPerMs;
    if (atMs <= nowMs) return;
    await new Promise<void>((resolve) => void this.#clock.after(atMs - nowMs, resolve));
  }
}
