import type { IndexKey, KeyRange } from '../../ports/index.ts';
import type {
  AggregateStore,
  Grave,
  IdRange,
  IndexKind,
  StoredRow,
  StoreStatistics,
} from '../aggregate-store.ts';
import { type FieldIndex, OrderedIndex, UniqueIndex } from './field-index.ts';
import { FrozenSlabs } from './frozen-slabs.ts';
import type { KeyedHash } from './keyed-hash.ts';
import { Probe } from './probe.ts';
import { RowHash } from './row-hash.ts';
import { rowsBetween } from './row-range.ts';
import { ID, type KeySource, type Layout } from './row-reader.ts';
import { RowTree } from './row-tree.ts';
import { SlabRows } from './slab-rows.ts';

/** How the index at a position comes about where the model of rows that exist changes. */
export type NextIndex =
  /** It is the one that there is at another position, for the same keys. */
  | { readonly from: number; readonly kind: IndexKind }
  /** No row has the field yet: all get one key. */
  | { readonly key: IndexKey; readonly kind: IndexKind }
  /** It follows from the JSON of each row, so that all must be read and written again. */
  | { readonly keyOf: (json: string) => IndexKey; readonly kind: IndexKind };

/** Rows, graves and indexes in slabs of memory that hold no object for each row. */
export class SlabStore implements AggregateStore {
  private readonly hasher: KeyedHash;
  private readonly rows = new SlabRows();
  private readonly ids: RowHash;
  private readonly order: RowTree;
  private readonly graves: RowTree;
  private indexes: FieldIndex[];
  private readonly probe: Probe;
  private readonly keyProbe = new Probe(null);
  /** Which keys of the row at hand change. */
  private readonly changed: boolean[] = [];

  constructor(kinds: readonly IndexKind[], hasher: KeyedHash) {
    this.hasher = hasher;
    const { reader } = this.rows;
    this.ids = new RowHash(reader, ID);
    this.order = new RowTree(reader, ID);
    this.graves = new RowTree(reader, ID);
    this.probe = new Probe(hasher);
    this.indexes = kinds.map((kind, at) =>
      kind === 'unique' ? new UniqueIndex(reader, at, hasher) : new OrderedIndex(reader, at),
    );
  }

  get size(): number {
    return this.order.size;
  }

  get(id: string): StoredRow | undefined {
    const row = this.ids.find(this.probe.set(id));
    return row === 0 || this.rows.reader.isGrave(row) ? undefined : this.rows.reader.row(row, id);
  }

  versionOf(id: string): number {
    const row = this.ids.find(this.probe.set(id));
    return row === 0 || this.rows.reader.isGrave(row) ? 0 : this.rows.reader.version(row);
  }

  deletedVersion(id: string): number {
    if (this.graves.size === 0) return 0;
    const row = this.ids.find(this.probe.set(id));
    return row !== 0 && this.rows.reader.isGrave(row) ? this.rows.reader.version(row) : 0;
  }

  put(next: StoredRow): void {
    const id = this.probe.set(next.id);
    const row = this.ids.find(id);
    const content = { ...next, isGrave: false };
    if (row === 0) this.add(this.rows.add(content), id, next.keys);
    else if (this.rows.reader.isGrave(row)) {
      this.graves.delete(row, null, id);
      this.rows.replace(row, content);
      this.enter(row, id, next.keys);
    } else this.replace(row, id, next);
  }

  bury(grave: Grave): void {
    const id = this.probe.set(grave.id);
    const content = { ...grave, json: '', keys: [], isGrave: true };
    let row = this.ids.find(id);
    if (row === 0) {
      row = this.rows.add(content);
      this.ids.insert(row, id.hash);
    } else {
      const isGrave = this.rows.reader.isGrave(row);
      if (isGrave) this.graves.delete(row, null, id);
      else this.leave(row, id, this.rows.reader.row(row).keys);
      this.rows.replace(row, content);
    }
    this.graves.insert(row, null, id);
  }

  /**
   * Adds a row or a grave as a snapshot holds it. They must come in the order of ids, rows first.
   *
   * @returns false where it is not sound, or out of order
   */
  load(body: Buffer, kind: 'row' | 'grave'): boolean {
    const row = this.rows.load(body, this.indexes.length);
    const { reader } = this.rows;
    if (row === 0 || reader.isGrave(row) !== (kind === 'grave')) return false;
    const id = reader.probe(row, ID, this.probe);
    const tree = kind === 'row' ? this.order : this.graves;
    if (!tree.isLast(null, id) || this.ids.find(id) !== 0) return false;
    this.ids.insert(row, id.hash);
    tree.insert(row, null, id);
    if (kind === 'grave') return true;
    for (const index of this.indexes) index.insertLoaded(row, id);
    return true;
  }

  holder(position: number, key: IndexKey): string | undefined {
    const row = this.indexAt(position).first(key);
    return row === 0 ? undefined : this.rows.reader.id(row);
  }

  *holders(position: number, key: IndexKey): Generator<string, void, undefined> {
    for (const row of this.equals(position, key, FORWARDS)) yield this.rows.reader.id(row);
  }

  scan({ afterId, descending }: IdRange): Iterable<StoredRow> {
    const after = afterId === undefined ? {} : { after: { key: afterId, id: afterId } };
    return this.stored(rowsBetween(this.order, { ...after, descending }, true));
  }

  lookup(position: number, key: IndexKey, range: IdRange): Iterable<StoredRow> {
    return this.stored(this.equals(position, key, range));
  }

  range(position: number, range: KeyRange): Iterable<StoredRow> {
    const index = this.indexAt(position);
    if (index instanceof OrderedIndex) return this.stored(rowsBetween(index.order, range, false));
    throw new RangeError(`the index at ${position} has no order`);
  }

  rangeOfIds(range: KeyRange): Iterable<StoredRow> {
    return this.stored(rowsBetween(this.order, range, true));
  }

  freeze(): FrozenSlabs {
    const frozen = {
      reader: this.rows.freeze(),
      size: this.order.size,
      graves: this.graves.size,
      order: this.order.freeze(),
      buried: this.graves.freeze(),
    };
    return new FrozenSlabs(frozen, () => this.rows.release());
  }

  statistics(): StoreStatistics {
    const tables = [this.ids, this.order, this.graves, ...this.indexes];
    const indexBytes = tables.reduce((sum, { bytes }) => sum + bytes, this.rows.overheadBytes);
    return {
      rows: this.order.size,
      graves: this.graves.size,
      liveBytes: this.rows.liveBytes,
      deadBytes: this.rows.deadBytes,
      indexBytes,
    };
  }

  /**
   * Goes over to another model. Rows are brought up to date when they are read, and rewritten a few
   * at each later write; what indexes need is known without reading them, but for those of `keyOf`.
   */
  change(next: readonly NextIndex[], upgrade: (json: string) => string): void {
    const before = this.indexes;
    this.rows.changeLayout((older) => nextLayout(older, next, upgrade), this.order.size);
    this.indexes = next.map((each, at) => {
      if ('keyOf' in each) return new OrderedIndex(this.rows.reader, at);
      if ('key' in each) return this.constantIndex(at, each.kind);
      const index = before[each.from];
      if (index === undefined) throw new RangeError(`there is no index at ${each.from}`);
      return this.movedIndex(index, at, each.kind);
    });
    this.rewrite(this.indexes.filter((_, at) => 'keyOf' in (next[at] ?? {})));
  }

  /** Writes all rows as the model of today has them, and enters them in indexes that are empty. */
  private rewrite(indexes: readonly FieldIndex[]): void {
    if (indexes.length === 0) return;
    const { reader } = this.rows;
    const id = new Probe(null);
    for (const row of this.order.ascending()) {
      this.rows.replace(row, { ...reader.row(row), isGrave: false });
      reader.probe(row, ID, id);
      for (const index of indexes) index.insertLoaded(row, id);
    }
  }

  private movedIndex(index: FieldIndex, at: number, kind: IndexKind): FieldIndex {
    index.moveTo(at);
    if (kind === 'unique' || index instanceof OrderedIndex) return index;
    const ordered = new OrderedIndex(this.rows.reader, at);
    const id = new Probe(null);
    for (const row of this.order.ascending()) {
      ordered.insertLoaded(row, this.rows.reader.probe(row, ID, id));
    }
    return ordered;
  }

  /** Rows that all have one key are in the order of their ids. */
  private constantIndex(at: number, kind: IndexKind): FieldIndex {
    const { reader } = this.rows;
    const tree = this.order.fork(at);
    return kind === 'unique'
      ? new UniqueIndex(reader, at, this.hasher, tree)
      : new OrderedIndex(reader, at, tree);
  }

  private add(row: number, id: Probe, keys: readonly IndexKey[]): void {
    this.ids.insert(row, id.hash);
    this.enter(row, id, keys);
  }

  private enter(row: number, id: Probe, keys: readonly IndexKey[]): void {
    this.order.insert(row, null, id);
    for (let at = 0; at < this.indexes.length; at++) {
      this.indexes[at]?.insert(row, keys[at] ?? '', id);
    }
  }

  private leave(row: number, id: Probe, keys: readonly IndexKey[]): void {
    this.order.delete(row, null, id);
    for (let at = 0; at < this.indexes.length; at++) {
      this.indexes[at]?.delete(row, keys[at] ?? '', id);
    }
  }

  /** A row leaves an index with its old record and enters it with the new one. */
  private replace(row: number, id: Probe, next: StoredRow): void {
    const { indexes, changed } = this;
    const { reader } = this.rows;
    for (let at = 0; at < indexes.length; at++) {
      const isChanged = !reader.equals(row, at, this.keyProbe.set(next.keys[at] ?? ''));
      changed[at] = isChanged;
      if (isChanged) indexes[at]?.delete(row, reader.key(row, at), id);
    }
    this.rows.replace(row, { ...next, isGrave: false });
    for (let at = 0; at < indexes.length; at++) {
      if (changed[at] === true) indexes[at]?.insert(row, next.keys[at] ?? '', id);
    }
  }

  private equals(position: number, key: IndexKey, range: IdRange): Iterable<number> {
    const index = this.indexAt(position);
    const tree = index.tree(key);
    if (tree === null) return this.single(index.first(key), range);
    const edge = { key, inclusive: true };
    const { afterId, descending } = range;
    const after = afterId === undefined ? {} : { after: { key, id: afterId } };
    return rowsBetween(tree, { from: edge, to: edge, ...after, descending }, false);
  }

  private single(row: number, { afterId, descending }: IdRange): readonly number[] {
    if (row === 0) return [];
    if (afterId === undefined) return [row];
    const id = this.rows.reader.id(row);
    return (descending ? id < afterId : id > afterId) ? [row] : [];
  }

  private indexAt(position: number): FieldIndex {
    const index = this.indexes[position];
    if (index === undefined) throw new RangeError(`there is no index at ${position}`);
    return index;
  }

  private *stored(rows: Iterable<number>): Generator<StoredRow, void, undefined> {
    for (const row of rows) yield this.rows.reader.row(row);
  }
}

const FORWARDS: IdRange = { descending: false };

/** What rows of an earlier layout are under the next model. */
function nextLayout(
  before: Layout | null,
  next: readonly NextIndex[],
  upgrade: (json: string) => string,
): Layout {
  return {
    keys: next.map((each) => {
      if ('from' in each) return before === null ? each.from : keyOf(before, each.from);
      if ('keyOf' in each) return each.keyOf;
      return { text: each.key, bytes: Buffer.from(each.key) };
    }),
    upgrade: before === null ? upgrade : (json) => upgrade(before.upgrade(json)),
  };
}

function keyOf(layout: Layout, position: number): KeySource {
  const key = layout.keys[position];
  if (key === undefined) throw new RangeError(`a row has no key at ${position}`);
  return key;
}
