import type { ByteWriter } from '../../entry/index.ts';
import type { FrozenStore, Grave, StoredRow } from '../aggregate-store.ts';
import { OUTER_BYTES, RowEncoder } from './row-format.ts';
import type { RowReader } from './row-reader.ts';
import { Slab, sizeInSlab } from './slabs.ts';

interface Frozen {
  readonly reader: RowReader;
  readonly size: number;
  readonly graves: number;
  /** Row numbers of live rows and of graves, by id. */
  readonly order: Iterable<number>;
  readonly buried: Iterable<number>;
}

/** The rows and graves of one moment. */
export class FrozenSlabs implements FrozenStore {
  readonly size: number;
  readonly graves: number;
  private readonly frozen: Frozen;
  private onRelease: (() => void) | null;
  private readonly encoder = new RowEncoder();
  private scratch = new Slab(4096);

  constructor(frozen: Frozen, onRelease: () => void) {
    this.frozen = frozen;
    this.size = frozen.size;
    this.graves = frozen.graves;
    this.onRelease = onRelease;
  }

  *rows(): Generator<StoredRow, void, undefined> {
    for (const row of this.frozen.order) yield this.frozen.reader.row(row);
  }

  *buried(): Generator<Grave, void, undefined> {
    for (const row of this.frozen.buried) {
      const { id, version, timestampMs, sequence } = this.frozen.reader.row(row);
      yield { id, version, timestampMs, sequence };
    }
  }

  /** Row numbers of live rows, or of graves, by id. Must be read at most once. */
  numbers(kind: 'row' | 'grave'): Iterable<number> {
    return kind === 'row' ? this.frozen.order : this.frozen.buried;
  }

  /** Writes a row or a grave as `SlabStore.load` takes it, whatever layout its record has. */
  write(writer: ByteWriter, row: number): void {
    if (!this.frozen.reader.isAsShown(row)) return this.writeUpgraded(writer, row);
    this.frozen.reader.body(row, (bytes, start, end) => {
      writer.varint(end - start);
      writer.bytes(bytes, start, end);
    });
  }

  release(): void {
    this.onRelease?.();
    this.onRelease = null;
  }

  private writeUpgraded(writer: ByteWriter, row: number): void {
    const bytes = this.encoder.measure({ ...this.frozen.reader.row(row), isGrave: false });
    if (bytes > this.scratch.capacity) this.scratch = new Slab(sizeInSlab(bytes * 2));
    this.encoder.write(this.scratch, 0, 0, 0);
    writer.varint(bytes - OUTER_BYTES);
    writer.bytes(this.scratch.bytes, OUTER_BYTES, bytes);
  }
}
