const NEWLINE = 10;

/** Cuts bytes that arrive in pieces into lines. */
export class LineReader {
  readonly #maxBytes: number;
  #parts: Buffer[] = [];
  #size = 0;

  /** @param maxBytes longest line; of a longer one no more than its end is noticed */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The lines that end in this piece; null for one that is too long. */
  *add(piece: Buffer): Generator<Buffer | null, void, undefined> {
    let from = 0;
    for (let at = piece.indexOf(NEWLINE); at !== -1; at = piece.indexOf(NEWLINE, from)) {
      this.#keep(piece.subarray(from, at));
      yield this.#take();
      from = at + 1;
    }
    this.#keep(piece.subarray(from));
  }

  /** The last line, where nothing ends it. */
  *end(): Generator<Buffer | null, void, undefined> {
    if (this.#size > 0) yield this.#take();
  }

  #keep(part: Buffer): void {
    this.#size += part.length;
    if (this.#size <= this.#maxBytes) this.#parts.push(part);
    else this.#parts = [];
  }

  #take(): Buffer | null {
    const line = this.#size > this.#maxBytes ? null : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#size = 0;
    return line;
  }
}
