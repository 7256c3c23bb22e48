import {
  type Completion,
  type DiskSpace,
  type FileLock,
  type FileStat,
  type FileSystem,
  MemoryFileSystem,
  type OpenFile,
  type OpenMode,
} from '../index.ts';
import type { DiskImage } from './disk-model.ts';
import type { NameChange, Trace } from './trace.ts';

const EMPTY_DISK: DiskImage = { directories: [], files: new Map() };

/** What an operation is, for a fault to choose it. */
export type Request = 'write' | 'sync' | 'rename' | 'create' | 'syncDirectory';

/** Names an error that the disk answers with; null where it does as it was asked. */
export type Refusal = (request: Request, path: string) => string | null;

/** A disk in memory that outlives processes, and the trace of what was asked of it. */
export class TracedDisk {
  readonly trace: Trace;
  readonly memory: MemoryFileSystem;
  readonly #inodes = new Map<string, number>();
  #lastInode = 0;

  /** `defer` decides when the disk answers. */
  constructor(trace: Trace, defer: (run: () => void) => void, image: DiskImage = EMPTY_DISK) {
    this.trace = trace;
    this.memory = MemoryFileSystem.of(image, { defer, writesNow: true });
    for (const path of image.files.keys()) this.#inodes.set(path, this.newInode());
  }

  inodeOf(path: string): number {
    const inode = this.#inodes.get(path);
    if (inode === undefined) throw new Error(`no inode is known for ${path}`);
    return inode;
  }

  /** Notes a change of names, which takes effect now. */
  name(change: NameChange): void {
    this.#follow(change);
    const path = change.kind === 'rename' ? change.to : change.path;
    this.trace.add({ kind: 'name', directory: parentOf(path), change });
  }

  newInode(): number {
    this.#lastInode += 1;
    return this.#lastInode;
  }

  #follow(change: NameChange): void {
    if (change.kind === 'create') this.#inodes.set(change.path, change.inode);
    if (change.kind === 'remove') this.#inodes.delete(change.path);
    if (change.kind !== 'rename') return;
    this.#inodes.set(change.to, this.inodeOf(change.from));
    this.#inodes.delete(change.from);
  }
}

export function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash <= 0 ? '/' : path.slice(0, slash);
}

/**
 * A traced disk as one process sees it. A process that was killed never hears of anything again,
 * and asks for nothing more; the next one finds what it had written.
 */
export class TracedFileSystem implements FileSystem {
  readonly disk: TracedDisk;
  refuse: Refusal = () => null;
  /** Whether files that are opened from now on have `writeNow`, as those of a real disk. */
  writesNow = false;
  #killed = false;

  constructor(disk: TracedDisk) {
    this.disk = disk;
  }

  kill(): void {
    this.#killed = true;
  }

  get killed(): boolean {
    return this.#killed;
  }

  /** What a killed process waits for never comes. */
  #living<T>(act: () => Promise<T>): Promise<T> {
    if (this.#killed) return new Promise(() => undefined);
    return act().then(
      (value) => (this.#killed ? new Promise<T>(() => undefined) : value),
      (error: unknown) => (this.#killed ? new Promise<T>(() => undefined) : Promise.reject(error)),
    );
  }

  async #refused(request: Request, path: string): Promise<void> {
    const code = this.refuse(request, path);
    if (code === null) return;
    await new Promise<void>((resolve) => setImmediate(resolve));
    throw systemError(code, path);
  }

  /** As the port promises, the directory is durable when this resolves. */
  makeDirectory(path: string): Promise<void> {
    return this.#living(async () => {
      const missing: string[] = [];
      for (let at = path; (await this.disk.memory.stat(at)) === null; at = parentOf(at)) {
        missing.unshift(at);
      }
      const made = this.disk.memory.makeDirectory(path);
      for (const at of missing) this.disk.name({ kind: 'mkdir', path: at });
      await made;
      for (const at of missing) await this.#syncDirectory(parentOf(at));
    });
  }

  list(path: string): Promise<string[]> {
    return this.#living(() => this.disk.memory.list(path));
  }

  stat(path: string): Promise<FileStat | null> {
    return this.#living(() => this.disk.memory.stat(path));
  }

  open(path: string, mode: OpenMode): Promise<OpenFile> {
    return this.#living(async () => {
      if (mode === 'create') await this.#refused('create', path);
      const opened = this.disk.memory.open(path, mode);
      if (mode === 'create') {
        this.disk.name({ kind: 'create', path, inode: this.disk.newInode() });
      }
      const inode = this.disk.inodeOf(path);
      return new TracedFile(this, await opened, inode, path);
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.#living(async () => {
      await this.#refused('rename', from);
      const renamed = this.disk.memory.rename(from, to);
      this.disk.name({ kind: 'rename', from, to });
      await renamed;
    });
  }

  remove(path: string): Promise<void> {
    return this.#living(async () => {
      const removed = this.disk.memory.remove(path);
      this.disk.name({ kind: 'remove', path });
      await removed;
    });
  }

  syncDirectory(path: string): Promise<void> {
    return this.#living(async () => {
      await this.#refused('syncDirectory', path);
      await this.#syncDirectory(path);
    });
  }

  async #syncDirectory(path: string): Promise<void> {
    const id = this.disk.trace.nextId();
    this.disk.trace.add({ kind: 'syncDirectory', id, path });
    await this.disk.memory.syncDirectory(path);
    if (!this.#killed) this.disk.trace.add({ kind: 'directorySynced', id });
  }

  space(): Promise<DiskSpace> {
    return this.#living(() => this.disk.memory.space());
  }

  /** Of the processes of one workload, one lives at a time. */
  lock(): FileLock {
    return { release: () => undefined };
  }
}

function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}

class TracedFile implements OpenFile {
  readonly #fs: TracedFileSystem;
  readonly #file: OpenFile;
  readonly #inode: number;
  readonly #path: string;
  readonly writeNow?: (source: Uint8Array, position: number) => void;

  constructor(fs: TracedFileSystem, file: OpenFile, inode: number, path: string) {
    this.#fs = fs;
    this.#file = file;
    this.#inode = inode;
    this.#path = path;
    if (!fs.writesNow || file.writeNow === undefined) return;
    this.writeNow = (source, position) => {
      this.#recordNow(source, position, () => file.writeNow?.(source, position));
    };
  }

  size(): number {
    return this.#file.size();
  }

  read(target: Uint8Array, position: number): number {
    return this.#file.read(target, position);
  }

  readAhead(position: number, bytes: number): Promise<void> {
    return this.#file.readAhead(position, bytes);
  }

  write(source: Uint8Array, position: number, done: Completion): void {
    if (this.#fs.killed) return;
    const code = this.#fs.refuse('write', this.#path);
    if (code !== null) return this.#fail(code, done);
    const { trace } = this.#fs.disk;
    const id = trace.nextId();
    trace.add({ kind: 'write', id, inode: this.#inode, position, bytes: source.slice() });
    this.#file.write(source, position, (error) => {
      if (this.#fs.killed) return;
      trace.add({ kind: 'written', id });
      done(error);
    });
  }

  #recordNow(source: Uint8Array, position: number, write: () => void): void {
    if (this.#fs.killed) return;
    const code = this.#fs.refuse('write', this.#path);
    if (code !== null) throw systemError(code, this.#path);
    const { trace } = this.#fs.disk;
    const id = trace.nextId();
    trace.add({ kind: 'write', id, inode: this.#inode, position, bytes: source.slice() });
    write();
    trace.add({ kind: 'written', id });
  }

  /** A sync that fails leaves the cache clean and the disk as it was. */
  sync(done: Completion): void {
    if (this.#fs.killed) return;
    const { trace } = this.#fs.disk;
    const id = trace.nextId();
    const code = this.#fs.refuse('sync', this.#path);
    trace.add({ kind: 'sync', id, inode: this.#inode });
    this.#file.sync((error) => {
      if (this.#fs.killed) return;
      trace.add({ kind: 'synced', id, failed: code !== null });
      done(code === null ? error : systemError(code, this.#path));
    });
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  #fail(code: string, done: Completion): void {
    setImmediate(() => {
      if (!this.#fs.killed) done(systemError(code, this.#path));
    });
  }
}
