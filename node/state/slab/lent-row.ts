import type { IndexKey } from '../../ports/index.ts';
import type { StoredRow } from '../aggregate-store.ts';
import { copyBytes } from './copy-bytes.ts';
import {
  isAsciiAt,
  jsonAt,
  jsonBytesAt,
  keyCountAt,
  plainTextAt,
  recordBytes,
  sequenceAt,
  textAt,
  timestampAt,
  versionAt,
} from './row-format.ts';
import type { Slab } from './slabs.ts';

/**
 * A row that is read where its record is, part by part: whoever looks at many rows decodes of each
 * what it needs. Good until the next change, since its slab may get other records then.
 */
export class LentRow implements StoredRow {
  private readonly slab: Slab;
  private readonly at: number;
  private readonly visibleKeys: number;
  private knownId: string | null = null;
  private knownJson: string | null = null;
  private knownKeys: readonly IndexKey[] | null = null;

  /** @param visibleKeys how many keys of the record are shown at most */
  constructor(slab: Slab, at: number, visibleKeys: number) {
    this.slab = slab;
    this.at = at;
    this.visibleKeys = visibleKeys;
  }

  get id(): string {
    this.knownId ??= this.text(0);
    return this.knownId;
  }

  get version(): number {
    return versionAt(this.slab, this.at);
  }

  get json(): string {
    this.knownJson ??= jsonAt(this.slab, this.at);
    return this.knownJson;
  }

  get keys(): readonly IndexKey[] {
    this.knownKeys ??= this.readKeys();
    return this.knownKeys;
  }

  keyAt(position: number): IndexKey | undefined {
    if (this.knownKeys !== null) return this.knownKeys[position];
    return position < this.keyCount ? this.text(position + 1) : undefined;
  }

  get timestampMs(): number {
    return timestampAt(this.slab, this.at);
  }

  get sequence(): number {
    return sequenceAt(this.slab, this.at);
  }

  get isAscii(): boolean {
    return isAsciiAt(this.slab, this.at);
  }

  /** Length of the JSON. */
  get jsonBytes(): number {
    return jsonBytesAt(this.slab, this.at);
  }

  /** Copies the JSON to a place of other memory. */
  copyJson(to: DataView, place: number): void {
    const { slab, at } = this;
    const end = at + recordBytes(slab, at);
    copyBytes(slab.view, end - jsonBytesAt(slab, at), end, to, place);
  }

  private get keyCount(): number {
    return Math.min(keyCountAt(this.slab, this.at), this.visibleKeys);
  }

  private readKeys(): IndexKey[] {
    const keys: IndexKey[] = [];
    for (let slot = 1, count = this.keyCount; slot <= count; slot++) keys.push(this.text(slot));
    return keys;
  }

  /** A piece of the JSON costs less than a text of its own, once the JSON is there. */
  private text(slot: number): string {
    const { slab, at, knownJson } = this;
    return knownJson === null ? plainTextAt(slab, at, slot) : textAt(slab, at, slot, knownJson);
  }
}
