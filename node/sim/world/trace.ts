import { createHash, type Hash } from 'node:crypto';

const KEPT_LINES = 400;
/** Lines that are hashed together. */
const BATCH_LINES = 256;

/** What happened in a run: all of it as a hash, the end of it as lines for a person. */
export class Trace {
  readonly #hash: Hash = createHash('sha256');
  readonly #listener: ((line: string) => void) | null;
  #batch: string[] = [];
  #lines: string[] = [];

  /** @param listener hears every line as it is told */
  constructor(listener: ((line: string) => void) | null = null) {
    this.#listener = listener;
  }

  /** Something that is part of the run, but says nothing to a person. */
  note(text: string): void {
    this.#batch.push(text);
    if (this.#batch.length >= BATCH_LINES) this.#flush();
  }

  tell(atMs: number, who: string, text: string): void {
    const line = `${(atMs / 1000).toFixed(6)} ${who.padEnd(8)} ${text}`;
    this.note(line);
    this.#lines.push(line);
    this.#listener?.(line);
    if (this.#lines.length > 2 * KEPT_LINES) this.#lines = this.#lines.slice(-KEPT_LINES);
  }

  /** The last lines, oldest first. */
  end(count: number): readonly string[] {
    return this.#lines.slice(-count);
  }

  /** Ends the trace. */
  digest(): string {
    this.#flush();
    return this.#hash.digest('hex').slice(0, 16);
  }

  #flush(): void {
    this.#hash.update(this.#batch.join('\n'));
    this.#batch = [];
  }
}
