import type { IndexKey, KeyRange } from '../../ports/index.ts';
import type {
  AggregateStore,
  Grave,
  IdRange,
  IndexKind,
  Mark,
  StoredRow,
  StoreStatistics,
} from '../aggregate-store.ts';
import { BloomIndex } from './bloom-index.ts';
import { BodyTable, type SharedFile } from './body-table.ts';
import { type FieldIndex, OrderedIndex, PartialIndex, UniqueIndex } from './field-index.ts';
import { FrozenSlabs } from './frozen-slabs.ts';
import type { KeyedHash } from './keyed-hash.ts';
import type { PlainRow } from './plain-row.ts';
import { Probe } from './probe.ts';
import type { RowContent } from './row-format.ts';
import { RowHash } from './row-hash.ts';
import { rowsBetween } from './row-range.ts';
import { constantKey, ID, type KeySource, type Layout } from './row-reader.ts';
import { RowTree } from './row-tree.ts';
import { SlabRows } from './slab-rows.ts';

/** How the index at a position comes about where the model of rows that exist changes. */
export type NextIndex =
  /** It is the one that there is at another position, for the same keys. */
  | { readonly from: number; readonly kind: IndexKind }
  /** It is one that was prepared, by its place among those. */
  | { readonly prepared: number; readonly kind: IndexKind }
  /** No row has the field yet: all get one key. */
  | { readonly key: IndexKey; readonly kind: IndexKind };

/** An index over keys that rows do not have in one yet: it takes a look at every row. */
export interface PreparedIndex {
  readonly kind: IndexKind;
  /** Where its keys are: at another position of each row, or in what its JSON says. */
  readonly source: number | ((json: string) => IndexKey);
}

/** Rows that go over to a file in one turn of the event loop: a millisecond or two. */
const COOLED_ROWS = 500;
/** Bodies that are read from a file in one turn, each of which the event loop waits for. */
const SLICE_FILE_READS = 32;

/** Rows, graves and indexes in slabs of memory that hold no object for each row. */
export class SlabStore implements AggregateStore {
  private readonly hasher: KeyedHash;
  private readonly rows = new SlabRows();
  private readonly ids: RowHash;
  private readonly order: RowTree;
  private readonly graves: RowTree;
  /** Those that the model knows of, then those that are being prepared. */
  private indexes: FieldIndex[];
  private preparing: readonly PreparedIndex[] = [];
  private readonly probe: Probe;
  private readonly keyProbe = new Probe(null);
  private readonly targetProbe: Probe;
  /** Which keys of the row at hand change. */
  private readonly changed: boolean[] = [];
  private preparedCount = 0;
  private cacheBytes: number | null = null;
  private loading: BodyTable | null = null;
  private cooling: { row: number; lastSequence: number; layout: number } | null = null;
  /** The id that was looked for last, and its row, 0 for none: what is compared is set next. */
  private soughtId: string | null = null;
  private soughtRow = 0;

  constructor(kinds: readonly IndexKind[], hasher: KeyedHash) {
    this.hasher = hasher;
    const { reader } = this.rows;
    this.ids = new RowHash(reader, ID);
    this.order = new RowTree(reader, ID);
    this.graves = new RowTree(reader, ID);
    this.probe = new Probe(hasher);
    this.targetProbe = new Probe(hasher);
    this.indexes = kinds.map((kind, at) => this.emptyIndex(at, kind));
  }

  get size(): number {
    return this.order.size;
  }

  /** The row of an id, live or grave; 0 for none. Rows never go, so it stays until one is added. */
  private rowOf(id: string): number {
    if (id === this.soughtId) return this.soughtRow;
    this.soughtRow = this.ids.find(this.probe.set(id));
    this.soughtId = id;
    return this.soughtRow;
  }

  private insertId(row: number, hash: number): void {
    this.ids.insert(row, hash);
    this.soughtId = null;
  }

  get(id: string): StoredRow | undefined {
    const row = this.rowOf(id);
    return row === 0 || this.rows.reader.isGrave(row) ? undefined : this.rows.reader.row(row, id);
  }

  /** Has what a row has in a file brought into memory beside the event loop; null where nothing is. */
  readAhead(id: string): Promise<void> | null {
    const row = this.rowOf(id);
    const isElsewhere = row !== 0 && !this.isGrave(row) && this.rows.reader.isCold(row);
    return isElsewhere ? this.rows.bodies.readAhead(row) : null;
  }

  /** The same for the first rows of a list, as many as are read in one turn. */
  readAheadOf(ids: Iterable<string>): Promise<void> | null {
    return this.rows.readAheadOf(ids, (id) => this.rowOf(id));
  }

  /** The same for the next rows that `prepareSome` looks at. */
  readAheadToPrepare(): Promise<void> | null {
    return this.isPreparing ? this.rows.readAheadToUpgrade() : null;
  }

  versionOf(id: string): number {
    const row = this.rowOf(id);
    return row === 0 || this.rows.reader.isGrave(row) ? 0 : this.rows.reader.version(row);
  }

  deletedVersion(id: string): number {
    if (this.graves.size === 0) return 0;
    const row = this.rowOf(id);
    return row !== 0 && this.rows.reader.isGrave(row) ? this.rows.reader.version(row) : 0;
  }

  mark(id: string): Mark | undefined {
    const row = this.rowOf(id);
    return row === 0 ? undefined : this.rows.reader.mark(row);
  }

  put(next: StoredRow): void {
    const row = this.rowOf(next.id);
    const id = this.probe.set(next.id);
    const keys = this.preparing.length === 0 ? next.keys : this.allKeys(next);
    const content = { ...next, keys, isGrave: false };
    if (row === 0) this.add(this.rows.add(content), id, keys);
    else if (this.rows.reader.isGrave(row)) {
      this.graves.delete(row, null, id);
      this.rows.replace(row, content);
      this.enter(row, id, keys);
    } else this.replace(row, id, content);
  }

  /** Whether `putPlain` may be used now. */
  get takesPlain(): boolean {
    return this.preparing.length === 0;
  }

  /** The row of the id that stands in bytes, live or grave, and makes it the one at hand; 0 for none. */
  seek(bytes: DataView, start: number, end: number): number {
    return this.ids.find(this.probe.setBytes(bytes, start, end - start));
  }

  /** Version of a row, live or grave. */
  versionAt(row: number): number {
    return this.rows.reader.version(row);
  }

  isGrave(row: number): boolean {
    return this.rows.reader.isGrave(row);
  }

  /** Whether the id that stands in bytes is that of a live row. */
  isLive(bytes: DataView, start: number, end: number): boolean {
    const row = this.ids.find(this.targetProbe.setBytes(bytes, start, end - start));
    return row !== 0 && !this.rows.reader.isGrave(row);
  }

  /** The first row with the key that stands in bytes; 0 for none. */
  holderOf(position: number, bytes: DataView, start: number, end: number): number {
    return this.indexAt(position).firstOf(bytes, start, end);
  }

  /**
   * As `put`, of the row that `seek` has found last, from texts as they stand in bytes. Its model
   * must have as many keys.
   */
  putPlain(row: number, next: PlainRow, version: number, timeMs: number, sequence: number): void {
    const id = this.probe;
    if (row !== 0 && !this.rows.reader.isGrave(row)) {
      this.leaveChanged(row, id, next);
      this.rows.putPlain(row, next, version, timeMs, sequence);
      for (let at = 0; at < this.indexes.length; at++) {
        if (this.changed[at] === true) this.indexes[at]?.insertLoaded(row, id);
      }
      return;
    }
    if (row !== 0) this.graves.delete(row, null, id);
    const number = this.rows.putPlain(row, next, version, timeMs, sequence);
    if (row === 0) this.insertId(number, id.hash);
    this.order.insert(number, null, id);
    for (const index of this.indexes) index.insertLoaded(number, id);
  }

  /** A row leaves the indexes in which it gets another key, while its record has the old one. */
  private leaveChanged(row: number, id: Probe, next: PlainRow): void {
    const { indexes, changed } = this;
    const { reader } = this.rows;
    for (let at = 0; at < indexes.length; at++) {
      const start = next.keyStarts[at] ?? 0;
      const key = this.keyProbe.setBytes(next.view, start, (next.keyEnds[at] ?? 0) - start);
      const isChanged = !reader.equals(row, at, key);
      changed[at] = isChanged;
      if (isChanged) indexes[at]?.delete(row, reader.key(row, at), id);
    }
  }

  bury(grave: Grave): void {
    let row = this.rowOf(grave.id);
    const id = this.probe.set(grave.id);
    const content = { ...grave, json: '', keys: [], isGrave: true };
    if (row === 0) {
      row = this.rows.add(content);
      this.insertId(row, id.hash);
    } else {
      const isGrave = this.rows.reader.isGrave(row);
      if (isGrave) this.graves.delete(row, null, id);
      else this.leave(row, id);
      this.rows.replace(row, content);
    }
    this.graves.insert(row, null, id);
  }

  /**
   * Adds a row or a grave as a snapshot holds it. They must come in the order of ids, rows first.
   *
   * @param at where the body is in the file that `loadFrom` names
   * @returns false where it is not sound, or out of order
   */
  load(body: Buffer, kind: 'row' | 'grave', at?: number): boolean {
    const row = this.loadRow(body, kind, at);
    const { reader } = this.rows;
    if (row === 0 || reader.isGrave(row) !== (kind === 'grave')) return false;
    const id = reader.probe(row, ID, this.probe);
    const tree = kind === 'row' ? this.order : this.graves;
    if (!tree.isLast(null, id) || this.ids.find(id) !== 0) return false;
    this.insertId(row, id.hash);
    tree.insert(row, null, id);
    if (kind === 'grave') return true;
    for (const index of this.indexes) index.insertLoaded(row, id);
    return true;
  }

  private loadRow(body: Buffer, kind: 'row' | 'grave', at?: number): number {
    const keys = this.indexes.length;
    const { loading } = this;
    return loading === null || at === undefined || kind === 'grave'
      ? this.rows.load(body, keys)
      : this.rows.loadCold(body, keys, loading, at);
  }

  /** How much of bodies that are in a file is kept in memory; null: bodies are not left to files. */
  limitMemory(cacheBytes: number | null): void {
    this.cacheBytes = cacheBytes;
    this.rows.bodies.limitCache(cacheBytes ?? 0);
  }

  /** Leaves the bodies of rows that are loaded from now on to the file that they come from. */
  loadFrom(shared: SharedFile): void {
    if (this.cacheBytes === null) return;
    this.loading = new BodyTable();
    this.loading.attach(shared);
    this.rows.bodies.begin(this.loading);
  }

  /** Reads of files for bodies, so far. */
  get fileReads(): number {
    return this.rows.bodies.fileReads;
  }

  /** Nothing more is loaded. */
  endLoading(): void {
    this.loading = null;
  }

  /**
   * Begins to leave the bodies of rows to a file that a frozen copy was written to; see `coolSome`.
   * False where rows are on their way to another one, or to new indexes.
   */
  leaveTo(shared: SharedFile, frozen: FrozenSlabs): boolean {
    const { places: table, lastSequence, layout } = frozen;
    if (table === null || this.isPreparing || this.rows.bodies.isMoving) return false;
    table.attach(shared);
    this.rows.bodies.move(table);
    this.cooling = { row: 0, lastSequence, layout };
    return true;
  }

  /** Takes at most so many rows over to that file; true once nothing is left. */
  coolSome(rows = COOLED_ROWS): boolean {
    const { cooling } = this;
    if (cooling === null) return true;
    // What is not in the new indexes yet is told by its layout, which cooling could change.
    if (this.isPreparing) return false;
    const mostReads = this.fileReads + SLICE_FILE_READS;
    for (let n = 0; n < rows && this.fileReads < mostReads; n++) {
      cooling.row += 1;
      if (this.rows.coolNext(cooling.row, cooling.lastSequence, cooling.layout)) continue;
      this.rows.bodies.finish();
      this.cooling = null;
      return true;
    }
    return false;
  }

  holder(position: number, key: IndexKey): string | undefined {
    const row = this.indexAt(position).first(key);
    return row === 0 ? undefined : this.rows.reader.id(row);
  }

  *holders(position: number, key: IndexKey): Generator<string, void, undefined> {
    for (const row of this.equals(position, key, FORWARDS)) yield this.rows.reader.id(row);
  }

  scan({ afterId, descending }: IdRange, shape: RowShape = 'whole'): Iterable<StoredRow> {
    const after = afterId === undefined ? {} : { after: { key: afterId, id: afterId } };
    return this.stored(rowsBetween(this.order, { ...after, descending }, true), shape);
  }

  lookup(position: number, key: IndexKey, range: IdRange, shape: RowShape = 'whole') {
    return this.stored(this.equals(position, key, range), shape);
  }

  /** Whether surely no live row has the key at a position that has a bloom filter. */
  lacks(position: number, key: IndexKey): boolean {
    const index = this.indexAt(position);
    if (index instanceof BloomIndex) return index.lacks(key);
    throw new RangeError(`the index at ${position} is no bloom filter`);
  }

  range(position: number, range: KeyRange, shape: RowShape = 'whole'): Iterable<StoredRow> {
    const index = this.indexAt(position);
    if (index instanceof OrderedIndex) {
      return this.stored(rowsBetween(index.order, range, false), shape);
    }
    throw new RangeError(`the index at ${position} has no order`);
  }

  rangeOfIds(range: KeyRange, shape: RowShape = 'whole'): Iterable<StoredRow> {
    return this.stored(rowsBetween(this.order, range, true), shape);
  }

  /** The last id within bounds that a row has or had. */
  lastUsedId(from: string, to: string): string | undefined {
    const [lower, upper] = [from, to].map((key) => ({ key, inclusive: true }));
    const range = { ...(lower && { from: lower }), ...(upper && { to: upper }), descending: true };
    const ids = [this.order, this.graves].flatMap((tree) => {
      for (const row of rowsBetween(tree, range, true)) return [this.rows.reader.id(row)];
      return [];
    });
    return ids.toSorted((a, b) => (a < b ? -1 : 1)).at(-1);
  }

  /** @param lastSequence of the last event so far: rows that change later have a higher one */
  freeze(lastSequence = 0): FrozenSlabs {
    const reader = this.rows.freeze();
    const frozen = {
      reader,
      lastSequence,
      places: this.cacheBytes === null || this.isPreparing ? null : new BodyTable(),
      size: this.order.size,
      graves: this.graves.size,
      order: this.order.freeze(),
      buried: this.graves.freeze(),
    };
    return new FrozenSlabs(frozen, () => {
      this.rows.release();
      reader.bodies.drop();
    });
  }

  statistics(): StoreStatistics {
    const tables = [this.ids, this.order, this.graves, ...this.indexes];
    const indexBytes = tables.reduce((sum, { bytes }) => sum + bytes, this.rows.overheadBytes);
    return {
      rows: this.order.size,
      graves: this.graves.size,
      liveBytes: this.rows.liveBytes,
      deadBytes: this.rows.deadBytes,
      indexBytes: indexBytes + this.rows.bodies.tableBytes,
      cacheBytes: this.rows.bodies.cacheBytes,
      fileReads: this.rows.bodies.fileReads,
    };
  }

  /**
   * Begins to build indexes that `change` puts in place. Until then they are kept up to date, and
   * nobody sees them; each row gets their keys when it is next written, or by `prepareSome`.
   */
  prepare(added: readonly PreparedIndex[]): void {
    if (this.preparing.length > 0) throw new RangeError('indexes are being prepared already');
    const { reader } = this.rows;
    const shown = this.indexes.length;
    const layout = (older: Layout | null) => preparedLayout(older, shown, added);
    this.rows.changeLayout(layout, this.order.size, 'on-demand');
    this.preparing = added;
    reader.visibleKeys = shown;
    for (const [at, { kind }] of added.entries()) {
      this.indexes.push(this.emptyIndex(shown + at, kind));
    }
  }

  /** Whether there are indexes that `change` will put in place. */
  get isPreparing(): boolean {
    return this.preparing.length > 0;
  }

  /** Rows that `prepareSome` has taken in. */
  get preparedRows(): number {
    return this.preparedCount;
  }

  /** Takes at most so many rows into the indexes that are being prepared; true once all are in. */
  prepareSome(rows: number): boolean {
    if (this.preparing.length === 0) return true;
    const shown = this.indexes.length - this.preparing.length;
    const mostReads = this.rows.bodies.fileReads + SLICE_FILE_READS;
    for (let looked = 0; looked < rows; looked++) {
      if (this.rows.bodies.fileReads >= mostReads) return false;
      const row = this.rows.upgradeNext();
      if (row === null) return true;
      if (row === 0) continue;
      const id = this.rows.reader.probe(row, ID, this.probe);
      for (let at = shown; at < this.indexes.length; at++) this.indexes[at]?.insertLoaded(row, id);
      this.preparedCount += 1;
    }
    return false;
  }

  /**
   * Goes over to another model. Rows are brought up to date when they are read, and rewritten a few
   * at each later write; what indexes need is known without reading them, or was prepared.
   */
  change(next: readonly NextIndex[], upgrade: (json: string) => string): void {
    while (!this.prepareSome(this.order.size + 1));
    const before = this.indexes;
    const shown = before.length - this.preparing.length;
    const placed = next.map((each) => placedIndex(each, shown));
    this.preparing = [];
    this.preparedCount = 0;
    this.rows.reader.visibleKeys = Number.POSITIVE_INFINITY;
    const layout = (older: Layout | null) => nextLayout(older, placed, upgrade);
    this.rows.changeLayout(layout, this.order.size, 'with-writes');
    this.indexes = placed.map((each, at) => {
      if ('key' in each) return this.constantIndex(at, each.kind, each.key);
      const index = before[each.from];
      if (index === undefined) throw new RangeError(`there is no index at ${each.from}`);
      index.moveTo(at);
      return index;
    });
  }

  private allKeys({ keys, json }: StoredRow): readonly IndexKey[] {
    const prepared = this.preparing.map(({ source }) =>
      typeof source === 'number' ? (keys[source] ?? '') : source(json),
    );
    return [...keys, ...prepared];
  }

  private emptyIndex(at: number, kind: IndexKind): FieldIndex {
    const { reader } = this.rows;
    if (kind === 'unique') return new UniqueIndex(reader, at, this.hasher);
    if (kind === 'bloom') return this.emptyFilter(at);
    return kind === 'partial' ? new PartialIndex(reader, at) : new OrderedIndex(reader, at);
  }

  /** Rows that are not up to date lack the keys of indexes which are being prepared. */
  private emptyFilter(at: number): BloomIndex {
    const highestRow = () => (this.preparing.length > 0 ? null : this.rows.highestRow);
    return new BloomIndex(this.rows.reader, at, this.hasher, highestRow);
  }

  /** Rows that all have one key are in the order of their ids. */
  private constantIndex(at: number, kind: IndexKind, key: IndexKey): FieldIndex {
    const { reader } = this.rows;
    if (kind === 'bloom') {
      const filter = this.emptyFilter(at);
      filter.fill(key, this.order.size);
      return filter;
    }
    const tree = this.order.fork(at);
    return kind === 'unique'
      ? new UniqueIndex(reader, at, this.hasher, tree)
      : new OrderedIndex(reader, at, tree);
  }

  private add(row: number, id: Probe, keys: readonly IndexKey[]): void {
    this.insertId(row, id.hash);
    this.enter(row, id, keys);
  }

  private enter(row: number, id: Probe, keys: readonly IndexKey[]): void {
    this.order.insert(row, null, id);
    for (let at = 0; at < this.indexes.length; at++) {
      this.indexes[at]?.insert(row, keys[at] ?? '', id);
    }
  }

  private leave(row: number, id: Probe): void {
    this.order.delete(row, null, id);
    const entered = this.indexesOf(row);
    for (let at = 0; at < entered; at++) {
      this.indexes[at]?.delete(row, this.rows.reader.key(row, at), id);
    }
  }

  /** How many of the indexes a row is in: those being prepared come to it last. */
  private indexesOf(row: number): number {
    const isBehind = this.preparing.length > 0 && !this.rows.reader.isCurrent(row);
    return this.indexes.length - (isBehind ? this.preparing.length : 0);
  }

  /** A row leaves an index with its old record and enters it with the new one. */
  private replace(row: number, id: Probe, next: RowContent): void {
    const { indexes, changed } = this;
    const { reader } = this.rows;
    const entered = this.indexesOf(row);
    for (let at = 0; at < entered; at++) {
      const isChanged = !reader.equals(row, at, this.keyProbe.set(next.keys[at] ?? ''));
      changed[at] = isChanged;
      if (isChanged) indexes[at]?.delete(row, reader.key(row, at), id);
    }
    this.rows.replace(row, next);
    for (let at = 0; at < indexes.length; at++) {
      if (at >= entered || changed[at] === true) indexes[at]?.insert(row, next.keys[at] ?? '', id);
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

  private *stored(rows: Iterable<number>, shape: RowShape): Generator<StoredRow, void, undefined> {
    const { reader } = this.rows;
    for (const row of rows) yield shape === 'id' ? rowOfId(reader.id(row)) : reader.lent(row);
  }
}

const FORWARDS: IdRange = { descending: false };

/** What scans tell of a row: all of it, or its id, for which no file is read. */
export type RowShape = 'whole' | 'id';

/** A row of which nothing but the id is told. */
export function rowOfId(id: string): StoredRow {
  return { id, version: 0, json: '', keys: NO_KEYS, timestampMs: 0, sequence: 0 };
}

const NO_KEYS: readonly IndexKey[] = [];

type PlacedIndex = Exclude<NextIndex, { readonly prepared: number }>;

/** Prepared indexes stand behind those that the model before knows of. */
function placedIndex(next: NextIndex, shown: number): PlacedIndex {
  return 'prepared' in next ? { from: shown + next.prepared, kind: next.kind } : next;
}

/** What rows are that lack the keys of indexes which are being prepared. */
function preparedLayout(
  before: Layout | null,
  shown: number,
  added: readonly PreparedIndex[],
): Layout {
  const keyAt = (at: number): KeySource => (before === null ? at : keyOf(before, at));
  const keys = Array.from({ length: shown }, (_, at) => keyAt(at));
  for (const { source } of added) {
    keys.push(typeof source === 'number' ? keyAt(source) : source);
  }
  const keepsJson = before === null || before.keepsJson;
  return { keys, keepsJson, upgrade: (json) => (before === null ? json : before.upgrade(json)) };
}

/** What rows of an earlier layout are under the next model. */
function nextLayout(
  before: Layout | null,
  next: readonly PlacedIndex[],
  upgrade: (json: string) => string,
): Layout {
  return {
    keys: next.map((each) => {
      if ('from' in each) return before === null ? each.from : keyOf(before, each.from);
      return constantKey(each.key);
    }),
    keepsJson: false,
    upgrade: before === null ? upgrade : (json) => upgrade(before.upgrade(json)),
  };
}

function keyOf(layout: Layout, position: number): KeySource {
  const key = layout.keys[position];
  if (key === undefined) throw new RangeError(`a row has no key at ${position}`);
  return key;
}
