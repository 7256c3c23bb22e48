/** Counts of an import so far. */
export interface ImportCounts {
  accepted: number;
  present: number;
  rejected: number;
}

const BAR_WIDTH = 24;

/** A line that tells how far a long import is: redrawn on a terminal, else one every ten seconds. */
export class Progress {
  readonly #stream: NodeJS.WriteStream;
  readonly #totalBytes: number;
  readonly #startedMs = performance.now();
  #printedMs = 0;

  constructor(stream: NodeJS.WriteStream, totalBytes: number) {
    this.#stream = stream;
    this.#totalBytes = totalBytes;
  }

  /** @param fraction share of the rows' bytes that has been answered, 0 to 1 */
  update(counts: ImportCounts, readBytes: number): void {
    const nowMs = performance.now();
    if (nowMs - this.#printedMs < (this.#stream.isTTY ? 100 : 10_000)) return;
    this.#printedMs = nowMs;
    this.#write(counts, Math.min(1, readBytes / Math.max(1, this.#totalBytes)));
  }

  end(counts: ImportCounts): void {
    if (this.#stream.isTTY) this.#write(counts, 1);
    if (this.#stream.isTTY) this.#stream.write('\n');
  }

  #write(counts: ImportCounts, fraction: number): void {
    const done = counts.accepted + counts.present + counts.rejected;
    const seconds = Math.max(0.001, (performance.now() - this.#startedMs) / 1000);
    const filled = Math.round(fraction * BAR_WIDTH);
    const bar = '#'.repeat(filled) + '.'.repeat(BAR_WIDTH - filled);
    const rate = Math.round(done / seconds);
    const text = `[${bar}] ${(fraction * 100).toFixed(0).padStart(3)} %  ${done} rows, ${rate} rows/s`;
    this.#stream.write(this.#stream.isTTY ? `\r${text}\x1b[K` : `${text}\n`);
  }
}
