/** Begins each line of hooks.py that says how far the fuzzer is. */
const MARK = 'fuzz-progress: ';

/** Takes the lines that say how far the fuzzer is out of what it writes. */
export class ProgressLines {
  readonly #onProgress: (text: string) => void;
  #others = '';
  #unfinished = '';

  constructor(onProgress: (text: string) => void) {
    this.#onProgress = onProgress;
  }

  /** Takes what was written, wherever it is cut. */
  take(text: string): void {
    const lines = (this.#unfinished + text).split('\n');
    this.#unfinished = lines.pop() ?? '';
    for (const line of lines) this.#takeLine(line);
  }

  /** Everything else that was written. */
  others(): string {
    return this.#others + this.#unfinished;
  }

  #takeLine(line: string): void {
    if (line.startsWith(MARK)) this.#onProgress(line.slice(MARK.length));
    else this.#others += `${line}\n`;
  }
}
