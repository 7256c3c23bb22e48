import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { ByteWriter } from '../entry/index.ts';
import { writeVersion } from '../history/index.ts';
import type { FileWriter } from '../log/index.ts';
import type { VersionRecord } from '../ports/index.ts';
import { BloomFilter } from './bloom.ts';
import type { Compression } from './compression.ts';
import {
  type ArchiveSummary,
  BLOCK_BYTES,
  type BlockPlace,
  encodeEnd,
  encodeHeader,
  HEADER_BYTES,
} from './format.ts';

/** What a file is about. */
export type ArchiveSubject = Pick<
  ArchiveSummary,
  'clusterId' | 'model' | 'fromGeneration' | 'toGeneration'
>;

/** So many blocks are compressed at a time, while the next one is filled. */
const PACKED_AHEAD = 8;
/** Packed blocks are small: so many bytes of them go to the file at a time. */
const WRITE_BYTES = 256 * 1024;

/** A block that is on its way through compression. */
interface Packing {
  readonly place: Omit<BlockPlace, 'offset' | 'packedBytes' | 'checksum'>;
  readonly packed: Promise<Uint8Array>;
}

/** Writes one archive: versions of one model by id and version, block by block. */
export class ArchiveWriter {
  readonly #file: FileWriter;
  readonly #compression: Compression;
  readonly #subject: ArchiveSubject;
  readonly #writer = new ByteWriter();
  readonly #digest = createHash('sha256');
  readonly #blocks: BlockPlace[] = [];
  readonly #ids: string[] = [];
  /** Oldest first. */
  readonly #packing: Packing[] = [];
  #lastId: string | null = null;
  #first: Pick<BlockPlace, 'firstId' | 'firstVersion'> | null = null;
  #at = 0;
  /** Of the file, what is not written yet. */
  #unwritten: Uint8Array[] = [];
  #unwrittenBytes = 0;
  #records = 0;
  #oldestMs = Infinity;
  #newestMs = 0;

  constructor(file: FileWriter, compression: Compression, subject: ArchiveSubject) {
    this.#file = file;
    this.#compression = compression;
    this.#subject = subject;
  }

  get records(): number {
    return this.#records;
  }

  /** Adds a version, not below the last one; true where the block is full and wants a `flush`. */
  add(record: VersionRecord): boolean {
    const { id, version, timeMs } = record;
    this.#first ??= { firstId: id, firstVersion: version };
    if (this.#lastId !== id) {
      this.#ids.push(id);
      this.#lastId = id;
    }
    writeVersion(this.#writer, record);
    this.#records += 1;
    if (timeMs < this.#oldestMs) this.#oldestMs = timeMs;
    if (timeMs > this.#newestMs) this.#newestMs = timeMs;
    return this.#writer.length >= BLOCK_BYTES;
  }

  /** Lets the block that was filled be compressed; waits only where too many are on their way. */
  async flush(): Promise<void> {
    if (this.#first === null) return;
    const plain = this.#writer.take();
    this.#digest.update(plain);
    const packed = this.#compression.compress(plain);
    // Awaited in turn: one that fails meanwhile is told then.
    packed.catch(() => undefined);
    this.#packing.push({ place: { plainBytes: plain.length, ...this.#first }, packed });
    this.#first = null;
    if (this.#packing.length >= PACKED_AHEAD) await this.#writeOldest();
  }

  async #writeOldest(): Promise<void> {
    const oldest = this.#packing.shift();
    if (oldest === undefined) return;
    const packed = await oldest.packed;
    if (this.#at === 0) await this.#write(encodeHeader());
    const packedBytes = packed.length;
    this.#blocks.push({ offset: this.#at, packedBytes, checksum: crc32(packed), ...oldest.place });
    await this.#write(packed);
  }

  /** Ends the file, durably; there must be a version in it. */
  async finish(): Promise<ArchiveSummary> {
    await this.flush();
    while (this.#packing.length > 0) await this.#writeOldest();
    if (this.#at < HEADER_BYTES) throw new RangeError('an archive holds at least one version');
    const summary: ArchiveSummary = {
      ...this.#subject,
      records: this.#records,
      oldestMs: this.#oldestMs,
      newestMs: this.#newestMs,
      digest: this.#digest.digest('hex'),
    };
    const filter = BloomFilter.sizedFor(this.#ids.length);
    for (const id of this.#ids) filter.add(id);
    await this.#write(encodeEnd({ summary, blocks: this.#blocks }, filter.bytes, this.#at));
    await this.#writeOut();
    await this.#file.finish();
    return summary;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    this.#at += bytes.length;
    this.#unwritten.push(bytes);
    this.#unwrittenBytes += bytes.length;
    if (this.#unwrittenBytes >= WRITE_BYTES) await this.#writeOut();
  }

  async #writeOut(): Promise<void> {
    const bytes = Buffer.concat(this.#unwritten, this.#unwrittenBytes);
    this.#unwritten = [];
    this.#unwrittenBytes = 0;
    await this.#file.append(bytes);
  }
}
