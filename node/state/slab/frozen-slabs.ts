import type { ByteWriter } from '../../entry/index.ts';
import type { FrozenStore, Grave, StoredRow } from '../aggregate-store.ts';
import type { BodyTable } from './body-table.ts';
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
  /** Sequence of the last event that it shows. */
  readonly lastSequence: number;
  /** Takes down where bodies come to be in the file that it is written to; null: nobody asks. */
  readonly places: BodyTable | null;
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

  get lastSequence(): number {
    return this.frozen.lastSequence;
  }

  /** The layout that bodies are written in. */
  get layout(): number {
    return this.frozen.reader.layout;
  }

  /** Where bodies are in the file that it was written to; null where nobody asked. */
  get places(): BodyTable | null {
    return this.frozen.places;
  }

  /**
   * Writes a row or a grave as `SlabStore.load` takes it, whatever layout its record has.
   *
   * @param at where what the writer holds begins in the file
   */
  write(writer: ByteWriter, row: number, at: number): void {
    if (!this.frozen.reader.isAsShown(row)) return this.writeUpgraded(writer, row, at);
    this.frozen.reader.body(row, (bytes, start, end) => {
      writer.varint(end - start);
      writer.bytes(bytes, start, end);
    });
    const { places, reader } = this.frozen;
    if (places === null || reader.isGrave(row)) return;
    reader.jsonBytes(row, (json, isAscii) => {
      places.place(row, at + writer.length - json.length, json, isAscii);
    });
  }

  release(): void {
    this.onRelease?.();
    this.onRelease = null;
  }

  private writeUpgraded(writer: ByteWriter, row: number, at: number): void {
    const bytes = this.encoder.measure({ ...this.frozen.reader.row(row), isGrave: false });
    if (bytes > this.scratch.capacity) this.scratch = new Slab(sizeInSlab(bytes * 2));
    this.encoder.write(this.scratch, 0, 0, 0);
    writer.varint(bytes - OUTER_BYTES);
    writer.bytes(this.scratch.bytes, OUTER_BYTES, bytes);
    const { bytes: length, isAscii } = this.encoder.json;
    const json = this.scratch.bytes.subarray(bytes - length, bytes);
    this.frozen.places?.place(row, at + writer.length - length, json, isAscii);
  }
}
