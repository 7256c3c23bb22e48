import {
  type CrashKind,
  type FileSystem,
  MemoryFileSystem,
  type MemoryFileSystemOptions,
  type OpenFile,
  type OpenMode,
  type Operation,
} from '../../log/index.ts';
import type { Process } from './process.ts';
import type { Scheduler } from './scheduler.ts';
import type { SeededRandom } from './seeded-random.ts';

/** How the disk of one machine behaves now; set by whoever plans faults. */
export interface DiskMood {
  /** Times everything takes as long as usual. */
  slowness: number;
  /** The operation that fails next: how many go well before, and the code of the error. */
  failure: { after: number; readonly code: 'EIO' | 'ENOSPC' } | null;
  /** The process dies as it asks for an operation: how many go well before. */
  death: { after: number; readonly die: () => void } | null;
}

/** Stands between a node and its disk; for disks that break their promises. */
export type DiskFilter = (disk: FileSystem) => FileSystem;

/** Usual times of operations, milliseconds; each takes from half to one and a half of it. */
const USUAL_MS: Readonly<Record<Operation['kind'], number>> = {
  write: 0.05,
  sync: 0.4,
  create: 0.1,
  rename: 0.1,
  remove: 0.1,
  syncDirectory: 0.6,
  mkdir: 0.1,
};

const READ_AHEAD_MS = 0.3;

/** The disk of one machine, through all its crashes. */
export class SimulatedDisk {
  readonly mood: DiskMood = { slowness: 1, failure: null, death: null };
  readonly #scheduler: Scheduler;
  readonly #random: SeededRandom;
  readonly #filter: DiskFilter;
  #files: MemoryFileSystem;
  #isDamaged = false;
  /** Where each file was last written to: what stands before was complete earlier. */
  readonly #lastWrites = new Map<string, number>();

  constructor(
    scheduler: Scheduler,
    random: SeededRandom,
    kind: Pick<MemoryFileSystemOptions, 'sectorBytes' | 'writesNow'>,
    filter: DiskFilter = (disk) => disk,
  ) {
    this.#scheduler = scheduler;
    this.#random = random;
    this.#filter = filter;
    this.#files = new MemoryFileSystem(kind);
  }

  /** The disk as a process that starts now sees it. One at a time. */
  attach(process: Process): FileSystem {
    const defer = (run: () => void, operation: Operation): void => {
      const usualMs = USUAL_MS[operation.kind] * this.mood.slowness;
      const delayMs = usualMs * (0.5 + this.#random.fraction());
      this.#scheduler.after(delayMs, `${operation.kind} ${operation.path}`, process, run);
    };
    this.#files = this.#files.crash('process', () => 0, { defer });
    this.#files.injectFaults(() => this.#fateOf(process));
    return this.#filter(this.#observed(this.#files, process));
  }

  /** The process is gone. After `power`, only a part of what was not synced is still there. */
  crash(kind: CrashKind): void {
    // Some crashes lose everything that may be lost, some nothing, most of them a part.
    const bias = this.#random.pick([0, 0.25, 0.5, 0.5, 0.75, 1]);
    this.#files = this.#files.crash(kind, () =>
      Math.min(0.999, Math.max(0, this.#random.fraction() + bias - 0.5)),
    );
  }

  /** What a power cut now would leave at the least. To be read at once. */
  durableImage(): FileSystem {
    return this.#files.durableImage();
  }

  /** Paths of all files. */
  paths(): string[] {
    return this.#files.paths();
  }

  /** The position of the last write to a file; 0 where there was none. */
  lastWriteTo(path: string): number {
    return this.#lastWrites.get(path) ?? 0;
  }

  sizeOf(path: string): number {
    return this.#files.contentOf(path).length;
  }

  /** Whether what it stored was damaged once. */
  get isDamaged(): boolean {
    return this.#isDamaged;
  }

  damage(path: string, change: (content: Uint8Array) => void): void {
    this.#isDamaged = true;
    this.#files.damage(path, change);
  }

  #fateOf(process: Process): Error | 'halt' | null {
    if (!process.alive) return 'halt';
    const { death, failure } = this.mood;
    if (death !== null && death.after-- <= 0) {
      this.mood.death = null;
      process.kill();
      death.die();
      return 'halt';
    }
    if (failure === null || failure.after-- > 0) return null;
    return systemError(failure.code);
  }

  /** A broken disk fails reads too; a full one does not. */
  #requireReadable(): void {
    const { failure } = this.mood;
    if (failure === null || failure.code !== 'EIO' || failure.after > 0) return;
    throw systemError('EIO');
  }

  #observed(disk: FileSystem, process: Process): FileSystem {
    return withFiles(disk, (file, path) => ({
      size: () => file.size(),
      read: (target, position) => {
        this.#requireReadable();
        return file.read(target, position);
      },
      // It takes its time, whatever there is to read.
      readAhead: () =>
        new Promise((resolve) => {
          const delayMs = READ_AHEAD_MS * this.mood.slowness;
          this.#scheduler.after(delayMs, `read ahead ${path}`, process, resolve);
        }),
      write: (source, position, done) => {
        this.#lastWrites.set(path, position);
        file.write(source, position, done);
      },
      ...(file.writeNow && {
        writeNow: (source: Uint8Array, position: number) => {
          this.#lastWrites.set(path, position);
          file.writeNow?.(source, position);
        },
      }),
      sync: (done) => file.sync(done),
      close: () => file.close(),
    }));
  }
}

/** A disk whose files are wrapped as they are opened. */
export function withFiles(
  disk: FileSystem,
  wrap: (file: OpenFile, path: string) => OpenFile,
): FileSystem {
  return {
    makeDirectory: (path) => disk.makeDirectory(path),
    list: (path) => disk.list(path),
    stat: (path) => disk.stat(path),
    open: async (path: string, mode: OpenMode) => wrap(await disk.open(path, mode), path),
    rename: (from, to) => disk.rename(from, to),
    remove: (path) => disk.remove(path),
    syncDirectory: (path) => disk.syncDirectory(path),
    space: (path) => disk.space(path),
    lock: (path) => disk.lock(path),
  };
}

function systemError(code: 'EIO' | 'ENOSPC'): Error {
  return Object.assign(new Error(`${code}: injected`), { code });
}
