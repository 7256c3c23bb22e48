/** The plainest store of aggregates: a map, sorted whenever somebody asks for an order. */
import type { IndexKey, KeyRange } from '../../ports/index.ts';
import type {
  AggregateStore,
  FrozenStore,
  Grave,
  IdRange,
  Mark,
  StoredRow,
  StoreStatistics,
} from '../aggregate-store.ts';

type Pair = readonly [key: IndexKey, row: StoredRow];

export class NaiveStore implements AggregateStore {
  readonly live = new Map<string, StoredRow>();
  readonly graves = new Map<string, Grave>();

  get size(): number {
    return this.live.size;
  }

  get(id: string): StoredRow | undefined {
    return this.live.get(id);
  }

  versionOf(id: string): number {
    return this.live.get(id)?.version ?? 0;
  }

  deletedVersion(id: string): number {
    return this.graves.get(id)?.version ?? 0;
  }

  mark(id: string): Mark | undefined {
    const found = this.live.get(id) ?? this.graves.get(id);
    if (found === undefined) return undefined;
    const { version, timestampMs, sequence } = found;
    return { version, timestampMs, sequence };
  }

  put(row: StoredRow): void {
    this.graves.delete(row.id);
    this.live.set(row.id, row);
  }

  bury(grave: Grave): void {
    this.live.delete(grave.id);
    this.graves.set(grave.id, grave);
  }

  holder(position: number, key: IndexKey): string | undefined {
    return this.holders(position, key)[0];
  }

  holders(position: number, key: IndexKey): string[] {
    return this.lookup(position, key, { descending: false }).map(({ id }) => id);
  }

  scan({ afterId, descending }: IdRange): StoredRow[] {
    const rows = this.sorted().filter(({ id }) => isBehind(id, afterId, descending));
    return descending ? rows.toReversed() : rows;
  }

  lookup(position: number, key: IndexKey, range: IdRange): StoredRow[] {
    return this.scan(range).filter(({ keys }) => keys[position] === key);
  }

  range(position: number, range: KeyRange): StoredRow[] {
    return within(
      this.sorted().map((row) => [row.keys[position] ?? '', row]),
      range,
    );
  }

  rangeOfIds(range: KeyRange): StoredRow[] {
    return within(
      this.sorted().map((row) => [row.id, row]),
      range,
    );
  }

  freeze(): FrozenStore {
    const rows = this.sorted();
    const graves = Array.from(this.graves.values()).toSorted((a, b) => order(a.id, b.id));
    return {
      size: rows.length,
      graves: graves.length,
      rows: () => rows,
      buried: () => graves,
      release: () => {},
    };
  }

  statistics(): StoreStatistics {
    const [rows, graves] = [this.live.size, this.graves.size];
    return { rows, graves, liveBytes: 0, deadBytes: 0, indexBytes: 0, cacheBytes: 0, fileReads: 0 };
  }

  private sorted(): StoredRow[] {
    return Array.from(this.live.values()).toSorted((a, b) => order(a.id, b.id));
  }
}

function within(pairs: readonly Pair[], { from, to, after, descending }: KeyRange): StoredRow[] {
  const rows = pairs
    .toSorted(([a, x], [b, y]) => order(a, b) || order(x.id, y.id))
    .filter(([key]) => from === undefined || (from.inclusive ? key >= from.key : key > from.key))
    .filter(([key]) => to === undefined || (to.inclusive ? key <= to.key : key < to.key))
    .filter(([key, { id }]) => {
      if (after === undefined) return true;
      const place = order(key, after.key) || order(id, after.id);
      return descending ? place < 0 : place > 0;
    })
    .map(([, row]) => row);
  return descending ? rows.toReversed() : rows;
}

function isBehind(id: string, afterId: string | undefined, descending: boolean): boolean {
  if (afterId === undefined) return true;
  return descending ? id < afterId : id > afterId;
}

function order(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
