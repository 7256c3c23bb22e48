import type { Clock, Logger, TimerHandle } from '../ports/index.ts';
import type { DiskSpace, FileSystem } from './file-system.ts';

const POLL_MS = 1_000;
/** So much above the reserve space counts as having returned, lest every byte turns it around. */
const RETURN_SHARE = 1.05;
/** Half a gigabyte holds two segments and room for snapshots; a small disk gives a tenth of itself. */
const DEFAULT_RESERVE_BYTES = 512 * 1024 * 1024;
const DEFAULT_RESERVE_SHARE = 0.1;

/** How a {@link SpaceWatch} is made. */
export interface SpaceWatchOptions {
  readonly fs: FileSystem;
  /** A path on the disk to watch. */
  readonly dir: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Bytes to keep free; null: 512 MiB, or a tenth of the disk where that is less. */
  readonly reserveBytes: number | null;
  /** Space has fallen below the reserve, or has returned. */
  readonly onChange: (low: boolean) => void;
}

/** What was measured last. */
export interface SpaceStatus extends DiskSpace {
  readonly reserveBytes: number;
  readonly low: boolean;
}

/**
 * Keeps an eye on the free space of a disk, and says when it falls below a reserve. The reserve is
 * there so that what must not fail never meets a full disk: votes, compaction and snapshots go on.
 */
export class SpaceWatch {
  readonly #options: SpaceWatchOptions;
  #status: SpaceStatus | null = null;
  #timer: TimerHandle | null = null;
  #stopped = false;

  constructor(options: SpaceWatchOptions) {
    this.#options = options;
  }

  /** Null until the first measurement, and where the disk does not tell. */
  get status(): SpaceStatus | null {
    return this.#status;
  }

  /** True while writes are to be refused. */
  get low(): boolean {
    return this.#status?.low ?? false;
  }

  /** Measures once, then every second; resolves after the first time. */
  async start(): Promise<void> {
    await this.measure();
    if (this.#stopped) return;
    this.#timer = this.#options.clock.after(POLL_MS, () => void this.start());
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  async measure(): Promise<void> {
    const { fs, dir, logger } = this.#options;
    try {
      this.#take(await fs.space(dir));
    } catch (error) {
      logger.warn({ reason: String(error) }, 'the free space of the disk could not be measured');
    }
  }

  #take(space: DiskSpace): void {
    const { logger, onChange } = this.#options;
    const reserveBytes = this.#reserveOf(space.totalBytes);
    const wasLow = this.low;
    const limit = wasLow ? reserveBytes * RETURN_SHARE : reserveBytes;
    const low = space.freeBytes < limit;
    this.#status = { ...space, reserveBytes, low };
    if (low === wasLow) return;
    const fields = { freeBytes: space.freeBytes, reserveBytes };
    if (low) logger.error(fields, 'free space is below the reserve: writes are refused');
    else logger.info(fields, 'free space has returned: writes are taken again');
    onChange(low);
  }

  #reserveOf(totalBytes: number): number {
    const share = Math.floor(totalBytes * DEFAULT_RESERVE_SHARE);
    return this.#options.reserveBytes ?? Math.min(DEFAULT_RESERVE_BYTES, share);
  }
}
