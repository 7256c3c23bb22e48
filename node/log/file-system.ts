/**
 * The few file operations that the log needs. Everything that this room does to a disk goes
 * through here, so that tests can lose unsynced writes and a simulator can bring its own disk.
 *
 * What is written is durable only after `sync`; what is created, renamed or removed only after
 * `syncDirectory` of the directory that holds it. Callbacks never run before the call returns.
 */
export interface FileSystem {
  /**
   * Creates a directory and its parents, readable by the owner only; fine where it exists. What it
   * creates is durable when it resolves.
   */
  makeDirectory(path: string): Promise<void>;
  /** Names (not paths) in a directory, sorted by code unit. Fails where there is none. */
  list(path: string): Promise<string[]>;
  /** Null where there is nothing. */
  stat(path: string): Promise<FileStat | null>;
  /** `read` and `write` need an existing file; `create` makes it, or empties the one that exists. */
  open(path: string, mode: OpenMode): Promise<OpenFile>;
  /** Atomic; replaces the target. */
  rename(from: string, to: string): Promise<void>;
  /** Fails where there is no such file. */
  remove(path: string): Promise<void>;
  syncDirectory(path: string): Promise<void>;
  /** What the disk that holds this path has left for this process. */
  space(path: string): Promise<DiskSpace>;
  /** Takes an exclusive lock that ends with the process; null where somebody else holds it. */
  lock(path: string): FileLock | null;
}

/** `write` and `create` may read too. */
export type OpenMode = 'read' | 'write' | 'create';

export interface FileStat {
  readonly size: number;
  readonly kind: 'file' | 'directory' | 'other';
}

/** Bytes of a disk. */
export interface DiskSpace {
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** Null means success. */
export type Completion = (error: Error | null) => void;

/** An open file. Positions and sizes are bytes. */
export interface OpenFile {
  /** Size now. */
  size(): number;
  /** Fills `target` from `position`, synchronously; returns the bytes read, fewer only at the end. */
  read(target: Uint8Array, position: number): number;
  /**
   * Has bytes brought into memory by who keeps the disk's pages, so that `read` need not wait for
   * the disk. No more than a hint: it never fails. The file must stay open until it resolves.
   */
  readAhead(position: number, bytes: number): Promise<void>;
  /**
   * Writes all of `source` at `position`, growing the file where needed. `source` must stay
   * untouched until the callback.
   */
  write(source: Uint8Array, position: number, done: Completion): void;
  /**
   * As `write`, and returns when it is done: for few bytes, which a disk's cache takes sooner than
   * another thread would. Absent where a disk has no such cache.
   *
   * @throws what `write` tells its callback
   */
  writeNow?(source: Uint8Array, position: number): void;
  /** fdatasync: contents, and the size where it is needed to read them back. */
  sync(done: Completion): void;
  close(): Promise<void>;
}

/** A held lock; releasing twice does nothing. */
export interface FileLock {
  release(): void;
}
