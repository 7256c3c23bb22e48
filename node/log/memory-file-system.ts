import type {
  Completion,
  DiskSpace,
  FileLock,
  FileStat,
  FileSystem,
  OpenFile,
  OpenMode,
} from './file-system.ts';

/** As good as no limit, and yet a number that sums are exact with. */
const UNLIMITED_BYTES = 2 ** 50;

/** Smallest unit that a disk writes as a whole, where nothing else is said. */
const SECTOR_BYTES = 512;

/** How a {@link MemoryFileSystem} behaves. */
export interface MemoryFileSystemOptions {
  /** Runs the completion of an operation; default queueMicrotask. */
  readonly defer?: (run: () => void, operation: Operation) => void;
  /** Smallest unit that the disk writes as a whole; default 512. */
  readonly sectorBytes?: number;
  /** Whether files have `writeNow`, too; default false. */
  readonly writesNow?: boolean;
}

/**
 * What a crash leaves: `process` keeps all that was written (what was not synced may still be lost
 * later), `power` a part of the unsynced.
 */
export type CrashKind = 'process' | 'power';

/** An operation that changes the disk, as a fault sees it. */
export interface Operation {
  /** From 1. */
  readonly number: number;
  readonly kind: 'write' | 'sync' | 'create' | 'rename' | 'remove' | 'syncDirectory' | 'mkdir';
  readonly path: string;
}

/** Decides the fate of an operation: an error to report, `halt` (it and all later ones never return), or null. */
export type Fault = (operation: Operation) => Error | 'halt' | null;

/** The contents of one file, and what a power cut would leave of it. */
class Inode {
  readonly sectorBytes: number;
  /** As the page cache has it. */
  content = new Uint8Array(0);
  /** As of the last sync that was finished. */
  durable = new Uint8Array(0);
  /** Sectors written since then, with the number of their last write. */
  #dirty = new Map<number, number>();
  /** Sectors that the cache holds for clean after a failed sync; the disk never got them. */
  #dropped = new Set<number>();
  #writes = 0;

  constructor(sectorBytes: number) {
    this.sectorBytes = sectorBytes;
  }

  static of(content: Uint8Array, sectorBytes: number): Inode {
    const inode = new Inode(sectorBytes);
    inode.content = resized(content, content.length);
    inode.durable = resized(content, content.length);
    return inode;
  }

  write(source: Uint8Array, position: number): void {
    const { sectorBytes } = this;
    const end = position + source.length;
    if (end > this.content.length) this.content = resized(this.content, end);
    this.content.set(source, position);
    this.#writes += 1;
    for (let s = Math.floor(position / sectorBytes); s * sectorBytes < end; s++) {
      this.#dirty.set(s, this.#writes);
      this.#dropped.delete(s);
    }
  }

  /** Begins a sync of what is written now; the result finishes it. */
  beginSync(): () => void {
    const size = this.content.length;
    const covered = [...this.#dirty].map(([sector, write]) => {
      const start = sector * this.sectorBytes;
      return { sector, write, start, bytes: this.content.slice(start, start + this.sectorBytes) };
    });
    return () => {
      if (this.durable.length < size) this.durable = resized(this.durable, size);
      for (const { sector, write, start, bytes } of covered) {
        this.durable.set(bytes, start);
        if (this.#dirty.get(sector) === write) this.#dirty.delete(sector);
      }
    };
  }

  /** The kernel reports a failed sync once, and takes the pages for clean from then on. */
  failSync(): void {
    for (const sector of this.#dirty.keys()) this.#dropped.add(sector);
    this.#dirty.clear();
  }

  /** What is found after a power cut: each unsynced sector is there or not. */
  afterPowerLoss(fraction: () => number): Inode {
    const inode = new Inode(this.sectorBytes);
    const survivors = [...this.#dirty.keys()].filter(() => fraction() < 0.5);
    const grown = survivors.some((s) => s * this.sectorBytes >= this.durable.length);
    inode.content = resized(this.durable, grown ? this.content.length : this.durable.length);
    for (const sector of survivors) this.#copySector(this.content, inode.content, sector);
    inode.durable = inode.content.slice();
    return inode;
  }

  /** What the next process finds: the cache, without the pages that it had to take for clean. */
  copy(): Inode {
    const inode = new Inode(this.sectorBytes);
    inode.content = this.content.slice();
    inode.durable = this.durable.slice();
    inode.#dirty = new Map(this.#dirty);
    inode.#writes = this.#writes;
    for (const sector of this.#dropped) this.#copySector(this.durable, inode.content, sector);
    return inode;
  }

  /** The durable content alone. */
  durableOnly(): Inode {
    return Inode.of(this.durable, this.sectorBytes);
  }

  #copySector(from: Uint8Array, to: Uint8Array, sector: number): void {
    const start = sector * this.sectorBytes;
    if (start >= to.length) return;
    const end = Math.min(start + this.sectorBytes, to.length);
    to.fill(0, start, end);
    to.set(from.subarray(start, end), start);
  }
}

function resized(bytes: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  const next = new Uint8Array(length);
  next.set(bytes.subarray(0, length));
  return next;
}

type Names = Map<string, Inode>;

/** A change of names; `resolve` says which file stands for one that it puts in place. */
type NameChange = (names: Names, resolve?: (inode: Inode) => Inode) => void;

function same(inode: Inode): Inode {
  return inode;
}

/**
 * A disk in memory that forgets what a real one may forget: contents until `sync` (sector by
 * sector), names until `syncDirectory` (a prefix of the changes survives, as on a journaling file
 * system). Directories themselves are durable at once. Deterministic.
 */
export class MemoryFileSystem implements FileSystem {
  readonly #names: Names = new Map();
  readonly #durableNames: Names = new Map();
  /** Changes of names since they were last synced, oldest first. */
  #renames: { readonly directory: string; readonly apply: NameChange }[] = [];
  readonly #directories = new Set<string>(['/']);
  readonly #locks = new Set<string>();
  readonly #defer: (run: () => void, operation: Operation) => void;
  readonly #sectorBytes: number;
  readonly writesNow: boolean;
  #fault: Fault = () => null;
  #operations = 0;
  #halted = false;
  #capacityBytes = UNLIMITED_BYTES;

  constructor(options: MemoryFileSystemOptions = {}) {
    this.#defer = options.defer ?? ((run) => queueMicrotask(run));
    this.#sectorBytes = options.sectorBytes ?? SECTOR_BYTES;
    this.writesNow = options.writesNow ?? false;
  }

  /** A disk that holds these files and directories, all of it durable. The contents become its own. */
  static of(
    image: {
      readonly directories: Iterable<string>;
      readonly files: Iterable<[string, Uint8Array]>;
    },
    options: MemoryFileSystemOptions = {},
  ): MemoryFileSystem {
    const disk = new MemoryFileSystem(options);
    for (const directory of image.directories) disk.#directories.add(directory);
    for (const [path, content] of image.files) {
      const inode = Inode.of(content, disk.#sectorBytes);
      disk.#names.set(path, inode);
      disk.#durableNames.set(path, inode);
    }
    return disk;
  }

  /** Changes of the disk so far. */
  get operations(): number {
    return this.#operations;
  }

  get halted(): boolean {
    return this.#halted;
  }

  /** Asks `fault` before every change from now on. */
  injectFaults(fault: Fault): void {
    this.#fault = fault;
  }

  /** Makes the disk so large from now on: files that would grow beyond it fail with ENOSPC. */
  limitTo(capacityBytes: number): void {
    this.#capacityBytes = capacityBytes;
  }

  #usedBytes(): number {
    let used = 0;
    for (const inode of new Set(this.#names.values())) used += inode.content.length;
    return used;
  }

  /** @throws ENOSPC where the disk has not so many bytes left */
  requireSpace(bytes: number): void {
    if (bytes <= 0 || this.#capacityBytes === UNLIMITED_BYTES) return;
    if (this.#usedBytes() + bytes <= this.#capacityBytes) return;
    throw systemError('ENOSPC', 'no space left on device');
  }

  async space(): Promise<DiskSpace> {
    const freeBytes = Math.max(0, this.#capacityBytes - this.#usedBytes());
    return { freeBytes, totalBytes: this.#capacityBytes };
  }

  /** The disk as the next process finds it; this one never answers again. */
  crash(
    kind: CrashKind,
    fraction: () => number,
    options: MemoryFileSystemOptions = {},
  ): MemoryFileSystem {
    this.#halted = true;
    const kept = { sectorBytes: this.#sectorBytes, writesNow: this.writesNow };
    const next = new MemoryFileSystem({ ...kept, ...options });
    next.#capacityBytes = this.#capacityBytes;
    for (const directory of this.#directories) next.#directories.add(directory);
    if (kind === 'process') this.#handOver(next);
    else next.#fill(this.#namesAfterPowerLoss(fraction), (inode) => inode.afterPowerLoss(fraction));
    return next;
  }

  /** What a power cut at this moment would leave at the least. */
  durableImage(): MemoryFileSystem {
    const image = new MemoryFileSystem({ sectorBytes: this.#sectorBytes });
    for (const directory of this.#directories) image.#directories.add(directory);
    image.#fill(this.#durableNames, (inode) => inode.durableOnly());
    return image;
  }

  /** Paths of all files, in the order in which they came about. */
  paths(): string[] {
    return [...this.#names.keys()];
  }

  /** Changes what is stored, behind the back of whoever wrote it. */
  damage(path: string, change: (content: Uint8Array) => void): void {
    const inode = this.#inode(path);
    change(inode.content);
    if (inode.durable !== inode.content) change(inode.durable);
  }

  #handOver(next: MemoryFileSystem): void {
    const copies = new Map<Inode, Inode>();
    const copyOf = (inode: Inode): Inode => {
      const copy = copies.get(inode) ?? inode.copy();
      copies.set(inode, copy);
      return copy;
    };
    for (const [path, inode] of this.#names) next.#names.set(path, copyOf(inode));
    for (const [path, inode] of this.#durableNames) next.#durableNames.set(path, copyOf(inode));
    next.#renames = this.#renames.map(({ directory, apply }) => ({
      directory,
      apply: (names, resolve = same) => apply(names, (inode) => resolve(copyOf(inode))),
    }));
  }

  #fill(names: Names, transform: (inode: Inode) => Inode): void {
    const made = new Map<Inode, Inode>();
    for (const [path, inode] of names) {
      const left = made.get(inode) ?? transform(inode);
      made.set(inode, left);
      this.#names.set(path, left);
      this.#durableNames.set(path, left);
    }
  }

  /** The content of a file now; for tests that damage or compare it. */
  contentOf(path: string): Uint8Array {
    return this.#inode(path).content;
  }

  #namesAfterPowerLoss(fraction: () => number): Names {
    const names = new Map(this.#durableNames);
    const kept = Math.floor(fraction() * (this.#renames.length + 1));
    for (const change of this.#renames.slice(0, kept)) change.apply(names);
    return names;
  }

  #inode(path: string): Inode {
    const inode = this.#names.get(path);
    if (inode === undefined) throw systemError('ENOENT', `no such file: ${path}`);
    return inode;
  }

  #change<T>(kind: Operation['kind'], path: string, act: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.perform(kind, path, act, (error, value) => {
        if (error !== null) reject(error);
        else if (value !== undefined) resolve(value.result);
      });
    });
  }

  /** Runs one change of the disk under the injected faults. For the files of this disk. */
  perform<T>(
    kind: Operation['kind'],
    path: string,
    act: () => T,
    done: (error: Error | null, value?: { readonly result: T }) => void,
  ): void {
    if (this.#halted) return;
    const { operation, fate } = this.#begin(kind, path);
    let error = fate instanceof Error ? fate : null;
    let value: { readonly result: T } | undefined;
    // A write that is cut short by a crash may still have reached the disk, in part or whole.
    if (fate === null || (fate === 'halt' && kind === 'write')) {
      try {
        value = { result: act() };
      } catch (thrown) {
        error = thrown instanceof Error ? thrown : new Error(String(thrown));
      }
    }
    this.#defer(() => {
      if (!this.#halted) done(error, value);
    }, operation);
  }

  /**
   * As `perform`, for a change that is done when this returns. For the files of this disk.
   *
   * @throws an injected fault
   */
  performNow(kind: Operation['kind'], path: string, act: () => void): void {
    if (this.#halted) return;
    const { fate } = this.#begin(kind, path);
    if (fate instanceof Error) throw fate;
    act();
  }

  /** Counts an operation, and asks what becomes of it. */
  #begin(kind: Operation['kind'], path: string) {
    this.#operations += 1;
    const operation = { number: this.#operations, kind, path };
    const fate = this.#fault(operation);
    if (fate === 'halt') this.#halted = true;
    return { operation, fate };
  }

  /**
   * Runs a sync: `begin` at once, what it gives when the sync is finished, `fail` where a fault is
   * injected. For the files of this disk.
   */
  performSync(
    kind: 'sync' | 'syncDirectory',
    path: string,
    begin: () => () => void,
    fail: () => void,
    done: Completion,
  ): void {
    if (this.#halted) return;
    const { operation, fate } = this.#begin(kind, path);
    if (fate === 'halt') return;
    if (fate !== null) fail();
    const finish = fate === null ? begin() : () => {};
    this.#defer(() => {
      if (this.#halted) return;
      finish();
      done(fate);
    }, operation);
  }

  #rename(directory: string, apply: NameChange): void {
    apply(this.#names);
    this.#renames.push({ directory, apply });
  }

  makeDirectory(path: string): Promise<void> {
    return this.#change('mkdir', path, () => {
      for (let at = path; at !== '/' && at !== ''; at = parentOf(at)) this.#directories.add(at);
    });
  }

  async list(path: string): Promise<string[]> {
    if (!this.#directories.has(path)) throw systemError('ENOENT', `no such directory: ${path}`);
    const inside = [...this.#names.keys(), ...this.#directories];
    return inside
      .filter((entry) => entry !== path && parentOf(entry) === path)
      .map((entry) => entry.slice(path === '/' ? 1 : path.length + 1))
      .sort();
  }

  async stat(path: string): Promise<FileStat | null> {
    if (this.#directories.has(path)) return { size: 0, kind: 'directory' };
    const inode = this.#names.get(path);
    return inode === undefined ? null : { size: inode.content.length, kind: 'file' };
  }

  async open(path: string, mode: OpenMode): Promise<OpenFile> {
    if (mode !== 'create') return new MemoryFile(this, path, this.#inode(path));
    return this.#change('create', path, () => {
      if (!this.#directories.has(parentOf(path))) {
        throw systemError('ENOENT', `no such directory: ${parentOf(path)}`);
      }
      const inode = new Inode(this.#sectorBytes);
      this.#rename(parentOf(path), (names, resolve = same) => names.set(path, resolve(inode)));
      return new MemoryFile(this, path, inode);
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.#change('rename', from, () => {
      const inode = this.#inode(from);
      this.#rename(parentOf(to), (names, resolve = same) => {
        names.delete(from);
        names.set(to, resolve(inode));
      });
    });
  }

  remove(path: string): Promise<void> {
    return this.#change('remove', path, () => {
      this.#inode(path);
      this.#rename(parentOf(path), (names) => names.delete(path));
    });
  }

  syncDirectory(path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const begin = (): (() => void) => {
        const synced = new Set(this.#renames.filter((change) => change.directory === path));
        return () => {
          for (const change of synced) change.apply(this.#durableNames);
          this.#renames = this.#renames.filter((change) => !synced.has(change));
        };
      };
      const done = (error: Error | null): void => (error === null ? resolve() : reject(error));
      this.performSync('syncDirectory', path, begin, () => {}, done);
    });
  }

  lock(path: string): FileLock | null {
    if (this.#locks.has(path)) return null;
    this.#locks.add(path);
    return { release: () => this.#locks.delete(path) };
  }
}

function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash <= 0 ? '/' : path.slice(0, slash);
}

function systemError(code: string, message: string): Error {
  return Object.assign(new Error(`${code}: ${message}`), { code });
}

class MemoryFile implements OpenFile {
  readonly #disk: MemoryFileSystem;
  readonly #path: string;
  readonly #inode: Inode;
  readonly writeNow?: (source: Uint8Array, position: number) => void;
  #isClosed = false;

  constructor(disk: MemoryFileSystem, path: string, inode: Inode) {
    this.#disk = disk;
    this.#path = path;
    this.#inode = inode;
    if (!disk.writesNow) return;
    this.writeNow = (source, position) => {
      disk.performNow('write', path, () => this.#put(source, position));
    };
  }

  size(): number {
    return this.#inode.content.length;
  }

  /** A descriptor that is closed may be that of another file by now: no reader can know. */
  read(target: Uint8Array, position: number): number {
    if (this.#isClosed) throw new Error(`EBADF: ${this.#path} is closed`);
    const part = this.#inode.content.subarray(position, position + target.length);
    target.set(part);
    return part.length;
  }

  async readAhead(): Promise<void> {}

  write(source: Uint8Array, position: number, done: Completion): void {
    const act = () => this.#put(source, position);
    this.#disk.perform('write', this.#path, act, (error) => done(error));
  }

  #put(source: Uint8Array, position: number): void {
    this.#disk.requireSpace(position + source.length - this.#inode.content.length);
    this.#inode.write(source, position);
  }

  sync(done: Completion): void {
    const inode = this.#inode;
    const fail = (): void => inode.failSync();
    this.#disk.performSync('sync', this.#path, () => inode.beginSync(), fail, done);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }
}
