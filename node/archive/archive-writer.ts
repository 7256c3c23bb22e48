import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { ByteWriter } from '../entry/index.ts';
import { writeVersion } from '../history/index.ts';
import { type OpenFile, syncFile, writeAt } from '../log/index.ts';
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

/** Writes one archive: versions of one model by id and version, block by block. */
export class ArchiveWriter {
  readonly #file: OpenFile;
  readonly #compression: Compression;
  readonly #subject: ArchiveSubject;
  readonly #writer = new ByteWriter();
  readonly #digest = createHash('sha256');
  readonly #blocks: BlockPlace[] = [];
  readonly #ids: string[] = [];
  #first: Pick<BlockPlace, 'firstId' | 'firstVersion'> | null = null;
  #at = 0;
  #records = 0;
  #oldestMs = Infinity;
  #newestMs = 0;

  constructor(file: OpenFile, compression: Compression, subject: ArchiveSubject) {
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
    if (this.#ids.at(-1) !== id) this.#ids.push(id);
    writeVersion(this.#writer, record);
    this.#records += 1;
    this.#oldestMs = Math.min(this.#oldestMs, timeMs);
    this.#newestMs = Math.max(this.#newestMs, timeMs);
    return this.#writer.length >= BLOCK_BYTES;
  }

  /** Writes the block that is being filled. */
  async flush(): Promise<void> {
    if (this.#first === null) return;
    const plain = this.#writer.take();
    this.#digest.update(plain);
    if (this.#at === 0) await this.#write(encodeHeader());
    const packed = await this.#compression.compress(plain);
    this.#blocks.push({
      offset: this.#at,
      packedBytes: packed.length,
      plainBytes: plain.length,
      checksum: crc32(packed),
      ...this.#first,
    });
    this.#first = null;
    await this.#write(packed);
  }

  /** Ends the file, durably; there must be a version in it. */
  async finish(): Promise<ArchiveSummary> {
    await this.flush();
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
    await syncFile(this.#file);
    return summary;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    await writeAt(this.#file, bytes, this.#at);
    this.#at += bytes.length;
  }
}
