import type {
  Completion,
  FileLock,
  FileStat,
  FileSystem,
  OpenFile,
  OpenMode,
} from './file-system.ts';

/** Smallest unit that a disk writes as a whole. */
const SECTOR_BYTES = 512;

/** How a {@link MemoryFileSystem} behaves. */
export interface MemoryFileSystemOptions {
  /** Runs completions; default queueMicrotask. */
  readonly defer?: (run: () => void) => void;
}

/** What a crash leaves: `process` keeps all that was written, `power` a part of the unsynced. */
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
  content = new Uint8Array(0);
  /** As of the last sync. */
  durable = new Uint8Array(0);
  /** Sectors written since then. */
  readonly dirty = new Set<number>();

  static of(content: Uint8Array): Inode {
    const inode = new Inode();
    inode.content = resized(content, content.length);
    inode.durable = resized(content, content.length);
    return inode;
  }

  write(source: Uint8Array, position: number): void {
    const end = position + source.length;
    if (end > this.content.length) this.content = resized(this.content, end);
    this.content.set(source, position);
    for (let s = Math.floor(position / SECTOR_BYTES); s * SECTOR_BYTES < end; s++) {
      this.dirty.add(s);
    }
  }

  sync(): void {
    if (this.durable.length !== this.content.length) {
      this.durable = resized(this.durable, this.content.length);
    }
    for (const sector of this.dirty) copySector(this.content, this.durable, sector);
    this.dirty.clear();
  }

  /** What is found after a power cut: each unsynced sector is there or not. */
  afterPowerLoss(fraction: () => number): Inode {
    const inode = new Inode();
    const survivors = [...this.dirty].filter(() => fraction() < 0.5);
    const grown = survivors.some((s) => s * SECTOR_BYTES >= this.durable.length);
    inode.content = resized(this.durable, grown ? this.content.length : this.durable.length);
    for (const sector of survivors) copySector(this.content, inode.content, sector);
    inode.durable = inode.content.slice();
    return inode;
  }

  copy(): Inode {
    const inode = new Inode();
    inode.content = this.content.slice();
    inode.durable = this.content.slice();
    return inode;
  }
}

function resized(bytes: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  const next = new Uint8Array(length);
  next.set(bytes.subarray(0, length));
  return next;
}

function copySector(from: Uint8Array, to: Uint8Array, sector: number): void {
  const start = sector * SECTOR_BYTES;
  if (start >= to.length) return;
  to.set(from.subarray(start, Math.min(start + SECTOR_BYTES, to.length)), start);
}

type Names = Map<string, Inode>;

/**
 * A disk in memory that forgets what a real one may forget: contents until `sync` (sector by
 * sector), names until `syncDirectory` (a prefix of the changes survives, as on a journaling file
 * system). Directories themselves are durable at once. Deterministic.
 */
export class MemoryFileSystem implements FileSystem {
  readonly #names: Names = new Map();
  readonly #durableNames: Names = new Map();
  /** Changes of names since they were last synced, oldest first. */
  #renames: { readonly directory: string; readonly apply: (names: Names) => void }[] = [];
  readonly #directories = new Set<string>(['/']);
  readonly #locks = new Set<string>();
  readonly #defer: (run: () => void) => void;
  #fault: Fault = () => null;
  #operations = 0;
  #halted = false;

  constructor(options: MemoryFileSystemOptions = {}) {
    this.#defer = options.defer ?? queueMicrotask;
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
      const inode = Inode.of(content);
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

  /** The disk as the next process finds it; this one never answers again. */
  crash(kind: CrashKind, fraction: () => number, options: MemoryFileSystemOptions = {}) {
    this.#halted = true;
    const next = new MemoryFileSystem(options);
    for (const directory of this.#directories) next.#directories.add(directory);
    const names = kind === 'process' ? this.#names : this.#namesAfterPowerLoss(fraction);
    for (const [path, inode] of names) {
      const left = kind === 'process' ? inode.copy() : inode.afterPowerLoss(fraction);
      next.#names.set(path, left);
      next.#durableNames.set(path, left);
    }
    return next;
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
    this.#operations += 1;
    const fate = this.#fault({ number: this.#operations, kind, path });
    if (fate === 'halt') this.#halted = true;
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
    });
  }

  #rename(directory: string, apply: (names: Names) => void): void {
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
      const inode = new Inode();
      this.#rename(parentOf(path), (names) => names.set(path, inode));
      return new MemoryFile(this, path, inode);
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.#change('rename', from, () => {
      const inode = this.#inode(from);
      this.#rename(parentOf(to), (names) => {
        names.delete(from);
        names.set(to, inode);
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
    return this.#change('syncDirectory', path, () => {
      const synced = this.#renames.filter((change) => change.directory === path);
      for (const change of synced) change.apply(this.#durableNames);
      this.#renames = this.#renames.filter((change) => change.directory !== path);
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

  constructor(disk: MemoryFileSystem, path: string, inode: Inode) {
    this.#disk = disk;
    this.#path = path;
    this.#inode = inode;
  }

  size(): number {
    return this.#inode.content.length;
  }

  read(target: Uint8Array, position: number): number {
    const part = this.#inode.content.subarray(position, position + target.length);
    target.set(part);
    return part.length;
  }

  write(source: Uint8Array, position: number, done: Completion): void {
    const act = () => this.#inode.write(source, position);
    this.#disk.perform('write', this.#path, act, (error) => done(error));
  }

  sync(done: Completion): void {
    this.#disk.perform(
      'sync',
      this.#path,
      () => this.#inode.sync(),
      (error) => done(error),
    );
  }

  async close(): Promise<void> {}
}
