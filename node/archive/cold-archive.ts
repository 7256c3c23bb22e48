import { createHash } from 'node:crypto';
import { ColdError, type ColdStore } from '../cold/index.ts';
import type { ColdObject } from '../entry/index.ts';
import { type FileSystem, readFile, replaceFile } from '../log/index.ts';
import { type ArchiveBytes, ArchiveFile, readEnd } from './archive-file.ts';
import { BlockCache } from './block-cache.ts';
import type { Compression } from './compression.ts';
import { corrupt } from './errors.ts';

/** Behind the name of an object: the file that holds its end. */
export const END_SUFFIX = '.end';
/** Most plain blocks of cold archives in memory. */
const CACHE_BYTES = 8 * 1024 * 1024;
/** Most bytes of ends of objects in memory; the others are read from the disk when asked for. */
const ENDS_BYTES = 16 * 1024 * 1024;
const PIECE_BYTES = 1024 * 1024;

/** What a {@link ColdArchive} works with. */
export interface ColdArchiveOptions {
  readonly store: ColdStore;
  readonly fs: FileSystem;
  /** Of the member's archives: ends of objects lie there, too. */
  readonly directory: string;
  readonly compression: Compression;
  readonly clusterId: string;
  readonly epoch: number;
}

/**
 * Archives in the cold store, as one member reads and writes them. The end of each (footer and
 * filter) is kept on the member's disk and in memory, so that a question that an object cannot
 * answer costs no request, and one that it can costs the blocks that are needed.
 */
export class ColdArchive {
  readonly store: ColdStore;
  /** Objects of this cluster, in this epoch: what a restored one has does not meet with them. */
  readonly folder: string;
  readonly #options: ColdArchiveOptions;
  /** The one that was not asked for the longest comes first. */
  readonly #files = new Map<string, { readonly file: Promise<ArchiveFile>; bytes: number }>();
  readonly #cache = new BlockCache(CACHE_BYTES);

  constructor(options: ColdArchiveOptions) {
    this.#options = options;
    this.store = options.store;
    this.folder = `${options.clusterId}/${options.epoch}`;
  }

  /** An object as an archive; its end is fetched where it is not here yet. @throws ColdError */
  file(object: ColdObject): Promise<ArchiveFile> {
    const { name } = object;
    const known = this.#files.get(name);
    this.#files.delete(name);
    const entry = known ?? { file: this.#open(object), bytes: 0 };
    this.#files.set(name, entry);
    if (known === undefined) {
      entry.file.then(
        ({ endBytes }) => this.#bound(entry, endBytes),
        () => this.#files.delete(name),
      );
    }
    return entry.file;
  }

  #bound(entry: { bytes: number }, bytes: number): void {
    entry.bytes = bytes;
    let sum = this.#files.values().reduce((before, { bytes: each }) => before + each, 0);
    for (const [name, oldest] of this.#files) {
      if (sum <= ENDS_BYTES || oldest === entry) return;
      this.#files.delete(name);
      sum -= oldest.bytes;
    }
  }

  /**
   * Puts an archive into the store, unless it is there already, and reads all of it back.
   *
   * @throws ColdError
   */
  async upload(object: ColdObject, file: ArchiveFile): Promise<void> {
    const bytes = await file.raw(0, file.bytes);
    const found = await this.store.stat(this.#path(object.name));
    if (found?.bytes !== object.bytes) await this.store.put(this.#path(object.name), bytes);
    await this.#requireSame(object);
    await this.#keepEnd(object, await readEnd(bytesOf(bytes), object.name));
  }

  /**
   * Makes sure that an object is in the store and is what it should be: by the checksum that the
   * store keeps, or else by reading all of it.
   *
   * @throws ColdError
   */
  async verify(object: ColdObject): Promise<void> {
    const { name, bytes, sha256 } = object;
    const found = await this.store.stat(this.#path(name));
    if (found === null) throw new ColdError('COLD_MISSING', `there is no object ${name}`);
    if (found.bytes !== bytes || (found.sha256 !== null && found.sha256 !== sha256)) {
      throw new ColdError('COLD_CORRUPT', `${name} is not the object that was put there`);
    }
    if (found.sha256 === null) await this.#requireSame(object);
  }

  /** Removes objects, which nothing may refer to any more. @throws ColdError */
  async remove(names: readonly string[]): Promise<void> {
    for (const name of names) await this.store.remove(this.#path(name));
  }

  /** Names of all objects of this cluster that are in the store. @throws ColdError */
  async names(): Promise<readonly string[]> {
    const paths = await this.store.list(this.folder);
    return paths.map((path) => path.slice(this.folder.length + 1));
  }

  /** Lets go of what is kept of objects that are not these. */
  async keepOnly(names: ReadonlySet<string>): Promise<void> {
    const { fs, directory } = this.#options;
    for (const name of this.#files.keys()) if (!names.has(name)) this.#files.delete(name);
    for (const file of await fs.list(directory)) {
      const isEnd = file.endsWith(END_SUFFIX);
      if (isEnd && !names.has(file.slice(0, -END_SUFFIX.length))) {
        await fs.remove(`${directory}/${file}`);
      }
    }
  }

  #path(name: string): string {
    return `${this.folder}/${name}`;
  }

  async #open(object: ColdObject): Promise<ArchiveFile> {
    const source = this.#source(object);
    const kept = await this.#keptEnd(object);
    const end = kept ?? (await readEnd(source, object.name));
    const file = this.#parsed(object, source, end);
    if (kept === null) await this.#keepEnd(object, end);
    return file;
  }

  #parsed(object: ColdObject, source: ArchiveBytes, end: Uint8Array): ArchiveFile {
    const { compression, clusterId } = this.#options;
    const file = ArchiveFile.away(object.name, source, end, compression, this.#cache);
    const { summary } = file;
    if (summary.digest === object.digest && summary.clusterId === clusterId) return file;
    throw corrupt(object.name, 'it is another archive than the one that was put there');
  }

  /** The end of an object as it is on the disk; null where it is not, or not whole. */
  async #keptEnd(object: ColdObject): Promise<Uint8Array | null> {
    const { fs, directory } = this.#options;
    const path = `${directory}/${object.name}${END_SUFFIX}`;
    if ((await fs.stat(path)) === null) return null;
    const end = await readFile(fs, path);
    try {
      this.#parsed(object, this.#source(object), end);
      return end;
    } catch {
      // It is fetched again: the store has what it says.
      return null;
    }
  }

  async #keepEnd({ name }: ColdObject, end: Uint8Array): Promise<void> {
    const { fs, directory } = this.#options;
    await replaceFile(fs, directory, `${name}${END_SUFFIX}`, end);
  }

  #source({ name, bytes }: ColdObject): ArchiveBytes {
    const path = this.#path(name);
    return {
      size: bytes,
      keyId: 0,
      read: (offset, length) => this.store.read(path, offset, length),
      close: () => Promise.resolve(),
    };
  }

  async #requireSame({ name, bytes, sha256 }: ColdObject): Promise<void> {
    const hash = createHash('sha256');
    for (let at = 0; at < bytes; at += PIECE_BYTES) {
      const length = Math.min(PIECE_BYTES, bytes - at);
      hash.update(await this.store.read(this.#path(name), at, length));
    }
    if (hash.digest('hex') === sha256) return;
    throw new ColdError('COLD_CORRUPT', `${name} reads back as other bytes than were put there`);
  }
}

function bytesOf(bytes: Uint8Array): ArchiveBytes {
  return {
    size: bytes.length,
    keyId: 0,
    read: (offset, length) => bytes.subarray(offset, offset + length),
    close: () => Promise.resolve(),
  };
}
