import type { PlainBlocks } from './archive-file.ts';

/**
 * Plain blocks that were read last, up to a number of bytes. Who asks for one that is on its way
 * gets the same.
 */
export class BlockCache implements PlainBlocks {
  readonly #capacity: number;
  /** The one that was not asked for the longest comes first. */
  readonly #blocks = new Map<string, { readonly plain: Promise<Uint8Array>; bytes: number }>();
  #bytes = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get bytes(): number {
    return this.#bytes;
  }

  of(block: string, read: () => Promise<Uint8Array>): Promise<Uint8Array> {
    const known = this.#blocks.get(block);
    if (known !== undefined) {
      this.#blocks.delete(block);
      this.#blocks.set(block, known);
      return known.plain;
    }
    const entry = { plain: read(), bytes: 0 };
    this.#blocks.set(block, entry);
    return entry.plain.then(
      (plain) => {
        if (this.#blocks.get(block) === entry) this.#count(entry, plain.length);
        return plain;
      },
      (error: unknown) => {
        this.#blocks.delete(block);
        throw error;
      },
    );
  }

  #count(entry: { bytes: number }, bytes: number): void {
    entry.bytes = bytes;
    this.#bytes += bytes;
    for (const [name, oldest] of this.#blocks) {
      if (this.#bytes <= this.#capacity) return;
      this.#bytes -= oldest.bytes;
      this.#blocks.delete(name);
    }
  }
}
