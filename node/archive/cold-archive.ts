import { createHash } from 'node:crypto';
import { ColdError, type ColdStore } from '../cold/index.ts';
import { EncryptionError, type FileKeys } from '../encryption/index.ts';
import type { ColdObject } from '../entry/index.ts';
import {
  type FileSystem,
  LogCorruptError,
  LogFormatError,
  readFile,
  replaceFile,
  SealedObject,
  type StoredBytes,
  sealBytes,
} from '../log/index.ts';
import { type ArchiveBytes, ArchiveFile, readEnd } from './archive-file.ts';
import { BlockCache } from './block-cache.ts';
import type { Compression } from './compression.ts';
import { corrupt } from './errors.ts';

/** Behind the name of an object: the file that holds its end. */
export const END_SUFFIX = '.end';

/** Names of the files in a directory of archives that keep the ends of cold objects. */
export async function coldEndsIn(fs: FileSystem, directory: string): Promise<readonly string[]> {
  // Where all of it is gone, whoever opens the archives says which.
  const names = (await fs.stat(directory)) === null ? [] : await fs.list(directory);
  return names.filter((name) => name.endsWith(END_SUFFIX));
}
/** Behind the name of an object that is encrypted. */
const SEALED_SUFFIX = '.sealed';
/** Most plain blocks of cold archives in memory. */
const CACHE_BYTES = 8 * 1024 * 1024;
/** Most bytes of ends of objects in memory; the others are read from the disk when asked for. */
const ENDS_BYTES = 16 * 1024 * 1024;
const PIECE_BYTES = 1024 * 1024;

/** Whose keys open cold objects: those of all members of a cluster, so none of their disks. */
export function coldOwner(clusterId: string): string {
  return `cold of ${clusterId}`;
}

/** What the key of a cold object is for: under the name of another one it does not open. */
export function coldPurpose(name: string): string {
  return `cold ${name}`;
}

/** What a {@link ColdArchive} works with. */
export interface ColdArchiveOptions {
  readonly store: ColdStore;
  readonly fs: FileSystem;
  /** Of the member's archives: ends of objects lie there, too. */
  readonly directory: string;
  readonly compression: Compression;
  readonly clusterId: string;
  readonly epoch: number;
  /** Of {@link coldOwner}; null: this member has none. */
  readonly keys: FileKeys | null;
  /** Whether a model's objects are encrypted, now. */
  readonly isSecret: (model: string) => boolean;
}

/** An archive as it is going to lie in the store. */
export interface PackedObject {
  readonly object: ColdObject;
  readonly bytes: Uint8Array;
}

/**
 * Archives in the cold store, as one member reads and writes them. The end of each (footer and
 * filter) is kept on the member's disk and in memory, so that a question that an object cannot
 * answer costs no request, and one that it can costs the blocks that are needed. Objects of an
 * encrypted model are encrypted as a whole, and so are their ends on the disk.
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

  /** Id of the key that a new object of a model gets; 0 for none. */
  keyIdOf(model: string): number {
    const { keys, isSecret } = this.#options;
    return keys === null || !isSecret(model) ? 0 : keys.activeId;
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
   * An archive of a model's versions up to a log time as an object; the same archive under the same
   * key is always the same object, whoever packs it.
   */
  async pack(file: ArchiveFile, model: string, upToMs: number): Promise<PackedObject> {
    const { oldestMs, records, digest } = file.summary;
    const plain = await file.raw(0, file.bytes);
    const { keys } = this.#options;
    const described = { upToMs, oldestMs, records, digest };
    const named = (mark: string): string =>
      `${model}-${oldestMs}-${upToMs}-${mark.slice(0, 16)}.arc`;
    if (keys === null || this.keyIdOf(model) === 0)
      return objectOf(named(digest), plain, described);
    const salt = keys.saltOf(createHash('sha256').update(plain).digest());
    // A digest of what is in it would tell whether somebody guessed that.
    const name = `${named(Buffer.from(salt).toString('hex'))}${SEALED_SUFFIX}`;
    const sealed = sealBytes(plain, { keys, purpose: coldPurpose(name) }, salt);
    return objectOf(name, sealed, described);
  }

  /**
   * Puts an object into the store, unless it is there already, and reads all of it back.
   *
   * @throws ColdError
   */
  async upload({ object, bytes }: PackedObject): Promise<void> {
    const found = await this.store.stat(this.#path(object.name));
    const isThere =
      found?.bytes === object.bytes &&
      (found.sha256 === null ? await this.#isSame(object) : found.sha256 === object.sha256);
    if (!isThere) await this.store.put(this.#path(object.name), bytes);
    await this.#requireSame(object);
    const stored = {
      size: bytes.length,
      read: async (at: number, length: number) => cut(bytes, at, length),
    };
    await this.#keepEnd(
      object,
      await this.#endOf(object, await this.#source(object, stored, null)),
    );
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
    const path = this.#path(object.name);
    const stored: StoredBytes = {
      size: object.bytes,
      read: (offset, length) => this.store.read(path, offset, length),
    };
    const kept = await this.#keptEnd(object);
    const known = kept === null ? null : await this.#tryKept(object, stored, kept);
    if (known !== null) return known;
    const source = await this.#source(object, stored, null);
    const file = this.#parsed(object, source, await readEndOf(source, object.name));
    await this.#keepEnd(object, await this.#endOf(object, source));
    return file;
  }

  /** Null where what is kept is not whole: it is fetched again, the store has what it says. */
  async #tryKept(
    object: ColdObject,
    stored: StoredBytes,
    kept: Uint8Array,
  ): Promise<ArchiveFile | null> {
    try {
      const source = await this.#source(object, stored, kept);
      const end = source.sealed === null ? kept : await readEndOf(source, object.name);
      source.sealed?.forgetEnd();
      return this.#parsed(object, source, end);
    } catch (error) {
      if (error instanceof ColdError && error.code === 'COLD_KEY') throw error;
      return null;
    }
  }

  #parsed(object: ColdObject, source: ArchiveBytes, end: Uint8Array): ArchiveFile {
    const { compression, clusterId } = this.#options;
    const file = ArchiveFile.away(object.name, source, end, compression, this.#cache);
    const { summary } = file;
    if (summary.digest === object.digest && summary.clusterId === clusterId) return file;
    throw corrupt(object.name, 'it is another archive than the one that was put there');
  }

  /** The end of an object as it is on the disk; null where it is not. */
  async #keptEnd({ name }: ColdObject): Promise<Uint8Array | null> {
    const { fs, directory } = this.#options;
    const path = `${directory}/${name}${END_SUFFIX}`;
    return (await fs.stat(path)) === null ? null : readFile(fs, path);
  }

  /** The end of an object as it is kept: encrypted where the object is. */
  async #endOf({ name }: ColdObject, source: ObjectBytes): Promise<Uint8Array> {
    const end = await readEndOf(source, name);
    return source.sealed === null ? end : source.sealed.end(end.length);
  }

  async #keepEnd({ name }: ColdObject, end: Uint8Array): Promise<void> {
    const { fs, directory } = this.#options;
    await replaceFile(fs, directory, `${name}${END_SUFFIX}`, end);
  }

  /** @throws ColdError where the keys do not open it, or it is not what was sealed */
  async #source(
    { name }: ColdObject,
    stored: StoredBytes,
    end: Uint8Array | null,
  ): Promise<ObjectBytes> {
    if (!name.endsWith(SEALED_SUFFIX)) return plainBytes(stored);
    const { keys } = this.#options;
    const opening = SealedObject.open(stored, name, { keys, purpose: coldPurpose(name) }, end);
    return sealedBytes(await asCold(opening));
  }

  async #requireSame(object: ColdObject): Promise<void> {
    if (await this.#isSame(object)) return;
    const { name } = object;
    throw new ColdError('COLD_CORRUPT', `${name} reads back as other bytes than were put there`);
  }

  async #isSame({ name, bytes, sha256 }: ColdObject): Promise<boolean> {
    const hash = createHash('sha256');
    for (let at = 0; at < bytes; at += PIECE_BYTES) {
      const length = Math.min(PIECE_BYTES, bytes - at);
      hash.update(await this.store.read(this.#path(name), at, length));
    }
    return hash.digest('hex') === sha256;
  }
}

/** An object as the archive that it is; `sealed` where it is encrypted. */
interface ObjectBytes extends ArchiveBytes {
  readonly sealed: SealedObject | null;
}

function plainBytes(stored: StoredBytes): ObjectBytes {
  return {
    size: stored.size,
    keyId: 0,
    sealed: null,
    read: (offset, length) => stored.read(offset, length),
    close: () => Promise.resolve(),
  };
}

function sealedBytes(sealed: SealedObject): ObjectBytes {
  return {
    size: sealed.size,
    keyId: sealed.keyId,
    sealed,
    read: (offset, length) => asCold(sealed.read(offset, length)),
    close: () => Promise.resolve(),
  };
}

function readEndOf(source: ObjectBytes, name: string): Promise<Uint8Array> {
  const atHand = source.sealed?.atHand ?? 0;
  return atHand > 0 ? readEnd(source, name, atHand) : readEnd(source, name);
}

/** What is wrong with keys or blocks of an object is told as everything else of the store. */
async function asCold<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof EncryptionError) throw new ColdError('COLD_KEY', error.message);
    const isDamage = error instanceof LogCorruptError || error instanceof LogFormatError;
    throw isDamage ? new ColdError('COLD_CORRUPT', error.message) : error;
  }
}

function objectOf(
  name: string,
  bytes: Uint8Array,
  described: Pick<ColdObject, 'upToMs' | 'oldestMs' | 'records' | 'digest'>,
): PackedObject {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { object: { name, bytes: bytes.length, sha256, ...described }, bytes };
}

function cut(bytes: Uint8Array, offset: number, length: number): Uint8Array {
  return bytes.subarray(offset, offset + length);
}
