import type { IndexKey } from '../../ports/index.ts';
import { NULL_KEY } from '../../values/index.ts';
import type { KeyedHash } from './keyed-hash.ts';
import { Probe } from './probe.ts';
import { RowHash } from './row-hash.ts';
import type { RowReader } from './row-reader.ts';
import { RowTree } from './row-tree.ts';

/** From the keys at one position to the live rows that have them. */
export interface FieldIndex {
  readonly bytes: number;
  /** Puts a row in whose record has the key. */
  insert(row: number, key: IndexKey, id: Probe): void;
  /** Takes a row out whose record still has the key. */
  delete(row: number, key: IndexKey, id: Probe): void;
  /** Puts a row in by the key that its record has. */
  insertLoaded(row: number, id: Probe): void;
  /** A row with the key, 0 for none; of several, the first. */
  first(key: IndexKey): number;
  /** The same for a key that stands in bytes. */
  firstOf(bytes: DataView, start: number, end: number): number;
  /** The rows with the key in order, where that is what the index knows; null: one at most. */
  tree(key: IndexKey): RowTree | null;
  /** Its keys have another position from now on. */
  moveTo(position: number): void;
}

/** Of a unique field: a table for keys, and an order for the rows that have none. */
export class UniqueIndex implements FieldIndex {
  private readonly rows: RowReader;
  private position: number;
  private readonly table: RowHash;
  private readonly nulls: RowTree;
  private readonly probe: Probe;

  constructor(rows: RowReader, position: number, hasher: KeyedHash, nulls?: RowTree) {
    this.rows = rows;
    this.position = position;
    this.table = new RowHash(rows, position);
    this.nulls = nulls ?? new RowTree(rows, position);
    this.probe = new Probe(hasher);
  }

  get bytes(): number {
    return this.table.bytes + this.nulls.bytes;
  }

  insert(row: number, key: IndexKey, id: Probe): void {
    const probe = this.probe.set(key);
    if (key === NULL_KEY) this.nulls.insert(row, probe, id);
    else this.table.insert(row, probe.hash);
  }

  delete(row: number, key: IndexKey, id: Probe): void {
    const probe = this.probe.set(key);
    if (key === NULL_KEY) this.nulls.delete(row, probe, id);
    else this.table.delete(row, probe.hash);
  }

  insertLoaded(row: number, id: Probe): void {
    const probe = this.rows.probe(row, this.position, this.probe);
    if (probe.length === 0) this.nulls.insert(row, probe, id);
    else this.table.insert(row, probe.hash);
  }

  first(key: IndexKey): number {
    const probe = this.probe.set(key);
    return key === NULL_KEY ? this.nulls.first(probe) : this.table.find(probe);
  }

  firstOf(bytes: DataView, start: number, end: number): number {
    const probe = this.probe.setBytes(bytes, start, end - start);
    return start === end ? this.nulls.first(probe) : this.table.find(probe);
  }

  tree(key: IndexKey): RowTree | null {
    return key === NULL_KEY ? this.nulls : null;
  }

  moveTo(position: number): void {
    this.position = position;
    this.table.moveTo(position);
    this.nulls.moveTo(position);
  }
}

/** Of other fields: all rows by key, then id. */
export class OrderedIndex implements FieldIndex {
  readonly order: RowTree;
  protected readonly rows: RowReader;
  protected position: number;
  private readonly probe = new Probe(null);

  constructor(rows: RowReader, position: number, order?: RowTree) {
    this.rows = rows;
    this.position = position;
    this.order = order ?? new RowTree(rows, position);
  }

  get bytes(): number {
    return this.order.bytes;
  }

  insert(row: number, key: IndexKey, id: Probe): void {
    this.order.insert(row, this.probe.set(key), id);
  }

  delete(row: number, key: IndexKey, id: Probe): void {
    this.order.delete(row, this.probe.set(key), id);
  }

  insertLoaded(row: number, id: Probe): void {
    this.order.insert(row, this.rows.probe(row, this.position, this.probe), id);
  }

  first(key: IndexKey): number {
    return this.order.first(this.probe.set(key));
  }

  firstOf(bytes: DataView, start: number, end: number): number {
    return this.order.first(this.probe.setBytes(bytes, start, end - start));
  }

  tree(): RowTree {
    return this.order;
  }

  moveTo(position: number): void {
    this.position = position;
    this.order.moveTo(position);
  }
}

/** As an ordered one, of those rows alone that have a key in it. */
export class PartialIndex extends OrderedIndex {
  private readonly sought = new Probe(null);

  override insert(row: number, key: IndexKey, id: Probe): void {
    if (key !== NULL_KEY) super.insert(row, key, id);
  }

  override delete(row: number, key: IndexKey, id: Probe): void {
    if (key !== NULL_KEY) super.delete(row, key, id);
  }

  override insertLoaded(row: number, id: Probe): void {
    if (this.rows.probe(row, this.position, this.sought).length > 0) super.insertLoaded(row, id);
  }
}
