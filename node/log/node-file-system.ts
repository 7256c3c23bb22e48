import * as fs from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type {
  Completion,
  DiskSpace,
  FileLock,
  FileStat,
  FileSystem,
  OpenFile,
  OpenMode,
} from './file-system.ts';

const FLAGS: Record<OpenMode, string> = { read: 'r', write: 'r+', create: 'w+' };

/** The real disk. Files are readable and writable by their owner only. */
export class NodeFileSystem implements FileSystem {
  async makeDirectory(path: string): Promise<void> {
    // Not with `recursive`, which names the wrong reason on a disk that takes no writes, and never
    // ends below a directory such as /proc.
    const above = dirname(path);
    try {
      await fs.promises.mkdir(path, { mode: 0o700 });
    } catch (error) {
      if (await isDirectory(path)) return;
      if (!isMissing(error) || above === path || (await isDirectory(above))) throw error;
      await this.makeDirectory(above);
      return this.makeDirectory(path);
    }
    await this.syncDirectory(above);
  }

  async list(path: string): Promise<string[]> {
    return (await fs.promises.readdir(path)).sort();
  }

  async stat(path: string): Promise<FileStat | null> {
    try {
      const stat = await fs.promises.stat(path);
      return { size: stat.size, kind: kindOf(stat) };
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }

  open(path: string, mode: OpenMode): Promise<OpenFile> {
    return new Promise((resolve, reject) => {
      fs.open(path, FLAGS[mode], 0o600, (error, descriptor) => {
        if (error) reject(error);
        else resolve(new NodeFile(descriptor, path));
      });
    });
  }

  rename(from: string, to: string): Promise<void> {
    return fs.promises.rename(from, to);
  }

  remove(path: string): Promise<void> {
    return fs.promises.unlink(path);
  }

  async syncDirectory(path: string): Promise<void> {
    const directory = await fs.promises.open(path, 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }

  async space(path: string): Promise<DiskSpace> {
    const { bavail, blocks, bsize } = await fs.promises.statfs(path);
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  }

  /**
   * SQLite's exclusive mode holds a kernel (fcntl) lock: it works between containers that share a
   * volume, where process ids mean nothing, and the kernel drops it when the process dies. Nothing
   * else may open the file in this process: closing it anywhere would drop the lock.
   */
  lock(path: string): FileLock | null {
    let database: DatabaseSync | null = null;
    try {
      database = new DatabaseSync(path);
      database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
    } catch (error) {
      database?.close();
      if (codeIn(error) === SQLITE_BUSY) return null;
      throw diskError(error, path);
    }
    const held = database;
    return {
      release: () => {
        if (held.isOpen) held.close();
      },
    };
  }
}

function kindOf(stat: fs.Stats): FileStat['kind'] {
  if (stat.isFile()) return 'file';
  return stat.isDirectory() ? 'directory' : 'other';
}

async function isDirectory(path: string): Promise<boolean> {
  const stat = await fs.promises.stat(path).catch(() => null);
  return stat?.isDirectory() === true;
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

const SQLITE_BUSY = 5;
/** What the disk answered, as the file system says it. */
const DISK_CODES: Readonly<Record<number, readonly [code: string, message: string]>> = {
  8: ['EROFS', 'the disk takes no writes'],
  10: ['EIO', 'the disk failed'],
  13: ['ENOSPC', 'the disk is full'],
  14: ['EACCES', 'it cannot be opened'],
};

/** The primary code: its low byte. */
function codeIn(error: unknown): number {
  const code = error instanceof Error && 'errcode' in error ? error.errcode : 0;
  return typeof code === 'number' ? code % 256 : 0;
}

function diskError(error: unknown, path: string): unknown {
  const [code, message] = DISK_CODES[codeIn(error)] ?? [];
  if (code === undefined) return error;
  return Object.assign(new Error(`${code}: ${message}: ${path}`, { cause: error }), { code, path });
}

/** Of all files: fewer than the threads that the runtime has for the disk (four by default). */
const MAX_READING_AHEAD = 2;
let readingAhead = 0;
const MAX_WAITING = 1000;
const waitingToReadAhead: (() => void)[] = [];
/** All that is read ahead goes here, at the same time, too: nobody looks at it. */
const THROWN_AWAY = Buffer.allocUnsafeSlow(64 * 1024);

class NodeFile implements OpenFile {
  readonly #descriptor: number;
  readonly #path: string;

  constructor(descriptor: number, path: string) {
    this.#descriptor = descriptor;
    this.#path = path;
  }

  size(): number {
    return fs.fstatSync(this.#descriptor).size;
  }

  read(target: Uint8Array, position: number): number {
    let filled = 0;
    while (filled < target.length) {
      const length = target.length - filled;
      const read = fs.readSync(this.#descriptor, target, filled, length, position + filled);
      if (read === 0) break;
      filled += read;
    }
    return filled;
  }

  /**
   * What comes of it is thrown away: the kernel keeps the pages. Where enough of it goes on already
   * it waits for its turn, so that it takes none of the threads that syncs of the log need; where
   * too many wait, nothing is done.
   */
  async readAhead(position: number, bytes: number): Promise<void> {
    if (readingAhead < MAX_READING_AHEAD) readingAhead += 1;
    else if (waitingToReadAhead.length >= MAX_WAITING) return;
    // Whoever ends leaves its place to the one that has waited longest.
    else await new Promise<void>((resolve) => waitingToReadAhead.push(resolve));
    try {
      const end = position + bytes;
      for (let at = position; at < end; at += THROWN_AWAY.length) {
        if (!(await this.#touch(at, Math.min(THROWN_AWAY.length, end - at)))) return;
      }
    } finally {
      const next = waitingToReadAhead.shift();
      if (next === undefined) readingAhead -= 1;
      else next();
    }
  }

  /** False where there is no more, or it cannot be read: whoever needs it will find that. */
  #touch(position: number, bytes: number): Promise<boolean> {
    return new Promise((resolve) => {
      fs.read(this.#descriptor, THROWN_AWAY, 0, bytes, position, (error, read) =>
        resolve(error === null && read > 0),
      );
    });
  }

  write(source: Uint8Array, position: number, done: Completion): void {
    fs.write(this.#descriptor, source, 0, source.length, position, (error, written) => {
      if (error) done(this.#named(error));
      // A short write is no failure: the rest was not tried yet.
      else if (written === source.length) done(null);
      else if (written === 0) done(new Error('the disk took no bytes'));
      else this.write(source.subarray(written), position + written, done);
    });
  }

  writeNow(source: Uint8Array, position: number): void {
    for (let from = 0; from < source.length; ) {
      const left = source.length - from;
      from += this.#writeSome(source, from, left, position + from);
    }
  }

  #writeSome(source: Uint8Array, from: number, length: number, position: number): number {
    let written: number;
    try {
      written = fs.writeSync(this.#descriptor, source, from, length, position);
    } catch (error) {
      throw error instanceof Error ? this.#named(error) : error;
    }
    if (written === 0) throw new Error('the disk took no bytes');
    return written;
  }

  sync(done: Completion): void {
    fs.fdatasync(this.#descriptor, (error) => done(error && this.#named(error)));
  }

  /** The error of a call that takes a descriptor names no file. */
  #named(error: Error): Error {
    return Object.assign(error, { path: this.#path });
  }

  close(): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.close(this.#descriptor, (error) => (error ? reject(error) : resolve()));
    });
  }
}
