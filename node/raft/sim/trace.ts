const KEPT_LINES = 80;

/**
 * What happened in a run: always as a hash, which is the same for the same seed,
 * and as readable lines when asked for.
 */
export class Trace {
  readonly readable: boolean;
  #hash = 0x811c9dc5;
  #lines: string[] = [];

  constructor(readable: boolean) {
    this.readable = readable;
  }

  /** The hash so far, as eight hexadecimal digits. */
  get hash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, '0');
  }

  /** The last lines. */
  get lines(): readonly string[] {
    return this.#lines.slice(-KEPT_LINES);
  }

  mix(value: number): void {
    const mixed = Math.imul(this.#hash ^ value, 0x01000193);
    this.#hash = mixed ^ (mixed >>> 13);
  }

  /** Callers ask for `readable` first, so that no text is built in vain. */
  write(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length > 4 * KEPT_LINES) this.#lines = this.#lines.slice(-KEPT_LINES);
  }
}
