import type { IndexKey } from '../../ports/index.ts';
import type { FieldIndex } from './field-index.ts';
import { KeyFilter } from './key-filter.ts';
import type { KeyedHash } from './keyed-hash.ts';
import { Probe } from './probe.ts';
import type { RowReader } from './row-reader.ts';
import type { RowTree } from './row-tree.ts';

/** Keys that rows do not have any more, before a new filter is made without them. */
const LEAST_STALE = 4096;
/** Rows that are looked at for the new filter at each write. */
const ROWS_PER_WRITE = 16;

/**
 * Knows which keys no row has, and of others nothing: which rows they are in, a scan must tell.
 * Keys of rows that are gone stay in the filter until a new one is made, a few rows at each write.
 */
export class BloomIndex implements FieldIndex {
  private readonly rows: RowReader;
  private position: number;
  private readonly highestRow: () => number | null;
  private readonly probe: Probe;
  private filter = new KeyFilter();
  private live = 0;
  private next: { readonly filter: KeyFilter; row: number } | null = null;

  /** @param highestRow number of the last row; null where rows lack the key for now */
  constructor(
    rows: RowReader,
    position: number,
    hasher: KeyedHash,
    highestRow: () => number | null,
  ) {
    this.rows = rows;
    this.position = position;
    this.highestRow = highestRow;
    this.probe = new Probe(hasher);
  }

  get bytes(): number {
    return this.filter.bytes + (this.next?.filter.bytes ?? 0);
  }

  /** Whether no row has the key. Where it is not sure, it says no. */
  lacks(key: IndexKey): boolean {
    return !this.filter.mayHold(this.probe.set(key).hash);
  }

  /** All rows that there are have one key. */
  fill(key: IndexKey, rows: number): void {
    this.live = rows;
    if (rows > 0) this.filter.add(this.probe.set(key).hash);
  }

  insert(_row: number, key: IndexKey): void {
    this.enter(this.probe.set(key).hash);
    this.renewSome();
  }

  delete(): void {
    this.live -= 1;
  }

  insertLoaded(row: number): void {
    this.enter(this.rows.probe(row, this.position, this.probe).hash);
    this.renewSome();
  }

  private enter(hash: number): void {
    this.live += 1;
    this.filter.add(hash);
    this.next?.filter.add(hash);
  }

  /** Rows that change meanwhile enter both filters, so the new one lacks none in the end. */
  private renewSome(): void {
    if (this.next === null) {
      if (this.filter.count < 2 * this.live + LEAST_STALE) return;
      this.next = { filter: new KeyFilter(), row: 0 };
    }
    const highest = this.highestRow();
    if (highest === null) return;
    const { next, rows } = this;
    const end = Math.min(highest, next.row + ROWS_PER_WRITE);
    while (next.row < end) {
      next.row += 1;
      if (rows.isGrave(next.row)) continue;
      next.filter.add(rows.probe(next.row, this.position, this.probe).hash);
    }
    if (next.row < highest) return;
    this.filter = next.filter;
    this.next = null;
  }

  first(): number {
    throw findsNoRows();
  }

  firstOf(): number {
    throw findsNoRows();
  }

  tree(): RowTree | null {
    throw findsNoRows();
  }

  moveTo(position: number): void {
    this.position = position;
  }
}

function findsNoRows(): RangeError {
  return new RangeError('a bloom filter knows which keys are not there, and no rows');
}
