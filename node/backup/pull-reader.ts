import type { ByteSource } from './entries-format.ts';
import { BackupError } from './errors.ts';

/** Reads exact lengths from a stream of pieces. */
export class PullReader implements ByteSource {
  readonly #pieces: AsyncIterator<Uint8Array>;
  readonly #name: string;
  #rest: Uint8Array = new Uint8Array(0);

  /** `name` is how errors call the stream. */
  constructor(stream: AsyncIterable<Uint8Array>, name: string) {
    this.#pieces = stream[Symbol.asyncIterator]();
    this.#name = name;
  }

  async read(length: number): Promise<Uint8Array> {
    if (this.#rest.length >= length) return this.#take(length);
    const collected = new Uint8Array(length);
    for (let at = 0; at < length; ) {
      const piece = await this.some(length - at);
      collected.set(piece, at);
      at += piece.length;
    }
    return collected;
  }

  /** Between 1 and `atMost` bytes, whatever is there. */
  async some(atMost: number): Promise<Uint8Array> {
    while (this.#rest.length === 0) {
      const { done, value } = await this.#pieces.next();
      if (done === true) throw new BackupError('interrupted', `${this.#name} ends early`);
      this.#rest = value;
    }
    return this.#take(Math.min(atMost, this.#rest.length));
  }

  /** @throws BackupError `corrupt` where bytes follow */
  async requireEnd(): Promise<void> {
    const { done } = await this.#pieces.next();
    if (done === true && this.#rest.length === 0) return;
    throw new BackupError('corrupt', `${this.#name} goes on behind its end`);
  }

  #take(length: number): Uint8Array {
    const taken = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    return taken;
  }
}
