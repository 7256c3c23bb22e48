import { type BodyTable, WINDOW_BYTES } from './body-table.ts';

/** Stretches of files that are read ahead at one time. */
const MOST_STRETCHES = 32;

interface Stretch {
  readonly table: BodyTable;
  at: number;
  end: number;
  rows: number;
}

/**
 * Where the next rows of a list are in files, so that they can be read ahead of it: rows that lie
 * close together, as they do in the order of their ids, are one stretch.
 */
export class Stretches {
  private readonly found: Stretch[] = [];

  get isEmpty(): boolean {
    return this.found.length === 0;
  }

  /** Adds the body of a row; false where there are enough of them. */
  add(table: BodyTable, at: number, length: number): boolean {
    const last = this.found.at(-1);
    if (last?.table === table && isClose(last, at, at + length)) {
      last.at = Math.min(last.at, at);
      last.end = Math.max(last.end, at + length);
      last.rows += 1;
      return true;
    }
    if (this.found.length >= MOST_STRETCHES) return false;
    this.found.push({ table, at, end: at + length, rows: 1 });
    return true;
  }

  /** Has them brought into memory beside the event loop, one after the other. It never fails. */
  async readAhead(): Promise<void> {
    // What is not read yet must stay open while what stands before it is.
    for (const { table } of this.found) table.hold();
    for (const { table, at, end, rows } of this.found) {
      // Rows that follow each other are read by windows, the last of which reaches behind them.
      await table.readStretch(at, end - at + (rows > 1 ? WINDOW_BYTES : 0));
      table.drop();
    }
  }
}

function isClose(stretch: Stretch, at: number, end: number): boolean {
  return Math.max(stretch.end, end) - Math.min(stretch.at, at) <= WINDOW_BYTES;
}
