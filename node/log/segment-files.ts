import type { Clock, Logger } from '../ports/index.ts';
import { fillWithZeros, syncFile } from './file-steps.ts';
import type { FileSystem, OpenFile } from './file-system.ts';

/** Name of the directory of segments inside a data directory. */
export const SEGMENT_DIRECTORY = 'events.raftlog';

const SEGMENT_NAME = /^([0-9a-f]{16})\.seg$/;
const SPARE_NAME = /^spare-[0-9]+\.seg$/;
const MAX_SPARES = 2;
/** Between two attempts to find space on a full disk. */
const RETRY_MS = 1_000;

export function segmentName(sequence: number): string {
  return `${sequence.toString(16).padStart(16, '0')}.seg`;
}

/** Null where the name is not that of a segment. */
export function sequenceOf(name: string): number | null {
  const digits = SEGMENT_NAME.exec(name)?.[1];
  return digits === undefined ? null : Number.parseInt(digits, 16);
}

/** A segment file that is open. */
export interface Segment {
  readonly sequence: number;
  readonly file: OpenFile;
  /** How far records may reach, bytes. */
  readonly capacity: number;
}

/** A file with its blocks allocated and no meaning yet. */
export interface Spare {
  readonly path: string;
  readonly file: OpenFile;
}

/** What the segment directory is managed with. */
export interface SegmentFilesOptions {
  readonly fs: FileSystem;
  readonly dataDirectory: string;
  readonly segmentBytes: number;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Whether retired segments may be used again as spares, now. */
  readonly reuses: () => boolean;
}

/**
 * The files of the segment directory: which there are, and a few spares with their blocks already
 * allocated, so that neither a new segment nor a sync has to wait for the file system's metadata.
 */
export class SegmentFiles {
  readonly directory: string;
  readonly segmentBytes: number;
  readonly #fs: FileSystem;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #reuses: () => boolean;
  #spares: Spare[] = [];
  #spareCount = 0;
  #preparing: Promise<boolean> = Promise.resolve(true);
  /** Retired segments are worth more as free space than as spares. */
  #spaceIsLow = false;
  /** Retired segments are removed, so that nothing of what they held is left. */
  #forgets = false;
  #closed = false;
  #wake: () => void = () => undefined;

  constructor(options: SegmentFilesOptions) {
    const { fs, dataDirectory, segmentBytes, logger, clock, reuses } = options;
    this.#fs = fs;
    this.directory = `${dataDirectory}/${SEGMENT_DIRECTORY}`;
    this.segmentBytes = segmentBytes;
    this.#logger = logger;
    this.#clock = clock;
    this.#reuses = reuses;
  }

  path(sequence: number): string {
    return `${this.directory}/${segmentName(sequence)}`;
  }

  /** Sequence numbers of the segments, ascending. */
  async list(): Promise<number[]> {
    const names = await this.#fs.list(this.directory);
    return names.map(sequenceOf).filter((sequence) => sequence !== null);
  }

  /**
   * Takes in the spares that an earlier process left, or removes them.
   *
   * @param takesIn false: none is, because of what they may have held as segments
   */
  async adoptSpares(takesIn: boolean): Promise<void> {
    const names = await this.#fs.list(this.directory);
    for (const name of names.filter((name) => SPARE_NAME.test(name))) {
      const path = `${this.directory}/${name}`;
      const size = (await this.#fs.stat(path))?.size;
      this.#spareCount = Math.max(this.#spareCount, Number.parseInt(name.slice(6), 10) + 1);
      const isUseful = takesIn && size === this.segmentBytes;
      if (isUseful && this.#spares.length < MAX_SPARES) {
        this.#spares.push({ path, file: await this.#fs.open(path, 'write') });
      } else {
        await this.#fs.remove(path);
      }
    }
  }

  open(sequence: number, mode: 'read' | 'write'): Promise<OpenFile> {
    return this.#fs.open(this.path(sequence), mode);
  }

  /**
   * A file of at least so many bytes to begin a segment in; `publish` gives it its name. A full disk
   * is waited for: nothing was written to the log yet, so that nothing has failed.
   */
  async takeSpare(bytes: number): Promise<Spare> {
    if (this.#spares.length === 0) await this.#preparing;
    for (;;) {
      const spare = await this.#trySpare(bytes);
      if (spare !== null) return spare;
      await this.#pause();
    }
  }

  /** Null where the disk is full. */
  async #trySpare(bytes: number): Promise<Spare | null> {
    try {
      const spare = this.#spares.shift() ?? (await this.#makeSpare());
      await this.#extend(spare, bytes);
      return spare;
    } catch (error) {
      if (!isDiskFull(error) || this.#closed) throw error;
      this.#logger.error({ error: String(error) }, 'the disk is full: the log waits for space');
      return null;
    }
  }

  /** A record that is larger than a segment gets its blocks before it is written, too. */
  async #extend(spare: Spare, bytes: number): Promise<void> {
    const size = spare.file.size();
    if (size >= bytes) return;
    try {
      await fillWithZeros(spare.file, size, bytes);
      await syncFile(spare.file);
    } catch (error) {
      await this.#discard(spare);
      throw error;
    }
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock.after(RETRY_MS, resolve);
      this.#wake = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  /** Stops waiting for space: whoever does gets the error of the disk. */
  giveUp(): void {
    this.#closed = true;
    this.#wake();
  }

  /** While space is low, what is retired is given back to the disk. */
  set spaceIsLow(low: boolean) {
    this.#spaceIsLow = low;
  }

  /** While true, retired segments are not used again but removed. */
  set forgets(forgets: boolean) {
    this.#forgets = forgets;
  }

  /** Removes all spares, with whatever they held as segments. */
  removeSpares(): Promise<void> {
    return this.giveUpSpares()();
  }

  /** No spare that there is now is used any more; what is returned removes them. */
  giveUpSpares(): () => Promise<void> {
    const spares = this.#spares;
    this.#spares = [];
    return () => this.#remove(spares);
  }

  async #remove(spares: readonly Spare[]): Promise<void> {
    for (const { path, file } of spares) {
      await file.close();
      await this.#fs.remove(path);
    }
    if (spares.length > 0) await this.#fs.syncDirectory(this.directory);
  }

  /** Bytes of the spares on disk. */
  spareBytes(): number {
    return this.#spares.reduce((sum, { file }) => sum + file.size(), 0);
  }

  /** Durable when it resolves. */
  async publish(spare: Spare, sequence: number): Promise<void> {
    await this.#fs.rename(spare.path, this.path(sequence));
    await this.#fs.syncDirectory(this.directory);
  }

  /** Makes sure that a spare is there; false where none could be made, which is no failure yet. */
  prepareSpare(): Promise<boolean> {
    if (this.#spares.length === 0) this.#preparing = this.#prepare();
    return this.#preparing;
  }

  async #prepare(): Promise<boolean> {
    try {
      this.#spares.push(await this.#makeSpare());
      return true;
    } catch (error) {
      this.#logger.warn({ error: String(error) }, 'no segment could be prepared ahead');
      return false;
    }
  }

  /** Takes the oldest segment out of the log, durably, and keeps its blocks where they are useful. */
  async retire(segment: Segment): Promise<void> {
    const path = this.path(segment.sequence);
    await segment.file.close();
    const maxSpares = this.#spaceIsLow ? 1 : MAX_SPARES;
    const isWanted = !this.#forgets && this.#reuses();
    const isUseful = segment.capacity === this.segmentBytes && isWanted;
    if (this.#spares.length >= maxSpares || !isUseful) {
      await this.#fs.remove(path);
      await this.#fs.syncDirectory(this.directory);
      return;
    }
    const spare = this.#newSparePath();
    await this.#fs.rename(path, spare);
    // Nothing may be written into it while a crash could still bring its old name back.
    await this.#fs.syncDirectory(this.directory);
    this.#spares.push({ path: spare, file: await this.#fs.open(spare, 'write') });
  }

  async close(): Promise<void> {
    const spares = this.#spares;
    this.#spares = [];
    for (const spare of spares) await spare.file.close();
  }

  async #makeSpare(): Promise<Spare> {
    const path = this.#newSparePath();
    const spare = { path, file: await this.#fs.open(path, 'create') };
    try {
      await fillWithZeros(spare.file, 0, this.segmentBytes);
      await syncFile(spare.file);
      return spare;
    } catch (error) {
      await this.#discard(spare);
      throw error;
    }
  }

  /** Half a spare only takes space that is needed elsewhere. */
  async #discard({ path, file }: Spare): Promise<void> {
    await file.close();
    await this.#fs.remove(path).catch((error: unknown) => {
      this.#logger.warn({ error: String(error) }, 'half a segment could not be removed');
    });
  }

  #newSparePath(): string {
    const path = `${this.directory}/spare-${this.#spareCount}.seg`;
    this.#spareCount += 1;
    return path;
  }
}

function isDiskFull(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error)) return false;
  return error.code === 'ENOSPC' || error.code === 'EDQUOT';
}
