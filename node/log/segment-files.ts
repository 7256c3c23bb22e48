import type { Logger } from '../ports/index.ts';
import { fillWithZeros, syncFile } from './file-steps.ts';
import type { FileSystem, OpenFile } from './file-system.ts';

/** Name of the directory of segments inside a data directory. */
export const SEGMENT_DIRECTORY = 'events.raftlog';

const SEGMENT_NAME = /^([0-9a-f]{16})\.seg$/;
const SPARE_NAME = /^spare-[0-9]+\.seg$/;
const MAX_SPARES = 2;

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

/**
 * The files of the segment directory: which there are, and a few spares with their blocks already
 * allocated, so that neither a new segment nor a sync has to wait for the file system's metadata.
 */
export class SegmentFiles {
  readonly directory: string;
  readonly segmentBytes: number;
  readonly #fs: FileSystem;
  readonly #logger: Logger;
  #spares: Spare[] = [];
  #spareCount = 0;
  #preparing: Promise<void> = Promise.resolve();

  constructor(fs: FileSystem, dataDirectory: string, segmentBytes: number, logger: Logger) {
    this.#fs = fs;
    this.directory = `${dataDirectory}/${SEGMENT_DIRECTORY}`;
    this.segmentBytes = segmentBytes;
    this.#logger = logger;
  }

  path(sequence: number): string {
    return `${this.directory}/${segmentName(sequence)}`;
  }

  /** Sequence numbers of the segments, ascending. */
  async list(): Promise<number[]> {
    const names = await this.#fs.list(this.directory);
    return names.map(sequenceOf).filter((sequence) => sequence !== null);
  }

  /** Takes in the spares that an earlier process left, or removes them. */
  async adoptSpares(): Promise<void> {
    const names = await this.#fs.list(this.directory);
    for (const name of names.filter((name) => SPARE_NAME.test(name))) {
      const path = `${this.directory}/${name}`;
      const size = (await this.#fs.stat(path))?.size;
      this.#spareCount = Math.max(this.#spareCount, Number.parseInt(name.slice(6), 10) + 1);
      if (size === this.segmentBytes && this.#spares.length < MAX_SPARES) {
        this.#spares.push({ path, file: await this.#fs.open(path, 'write') });
      } else {
        await this.#fs.remove(path);
      }
    }
  }

  open(sequence: number, mode: 'read' | 'write'): Promise<OpenFile> {
    return this.#fs.open(this.path(sequence), mode);
  }

  /** A file to begin a segment in; `publish` gives it its name. */
  async takeSpare(): Promise<Spare> {
    if (this.#spares.length === 0) await this.#preparing;
    return this.#spares.shift() ?? (await this.#makeSpare());
  }

  /** Durable when it resolves. */
  async publish(spare: Spare, sequence: number): Promise<void> {
    await this.#fs.rename(spare.path, this.path(sequence));
    await this.#fs.syncDirectory(this.directory);
  }

  /** Makes sure that a spare is there. A full disk is only fatal once the space is needed. */
  prepareSpare(): Promise<void> {
    if (this.#spares.length === 0) this.#preparing = this.#prepare();
    return this.#preparing;
  }

  async #prepare(): Promise<void> {
    try {
      this.#spares.push(await this.#makeSpare());
    } catch (error) {
      this.#logger.warn({ error: String(error) }, 'no segment could be prepared ahead');
    }
  }

  /** Takes the oldest segment out of the log, durably, and keeps its blocks where they are useful. */
  async retire(segment: Segment): Promise<void> {
    const path = this.path(segment.sequence);
    await segment.file.close();
    if (this.#spares.length >= MAX_SPARES || segment.capacity !== this.segmentBytes) {
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
    const file = await this.#fs.open(path, 'create');
    await fillWithZeros(file, 0, this.segmentBytes);
    await syncFile(file);
    return { path, file };
  }

  #newSparePath(): string {
    const path = `${this.directory}/spare-${this.#spareCount}.seg`;
    this.#spareCount += 1;
    return path;
  }
}
