import { type FileSystem, type OpenFile, syncFile, writeAt } from '../log/index.ts';
import {
  type AuditEntry,
  type Clock,
  EngineError,
  type Logger,
  type TimerHandle,
} from '../ports/index.ts';
import { chainedLine, NO_HASH } from './line.ts';
import {
  AUDIT_DIRECTORY,
  AUDIT_FORMAT,
  newestBefore,
  readSegment,
  type SoundSegment,
  segmentName,
  segmentsIn,
} from './segment.ts';

export interface AuditLimits {
  /** A file that is larger or older is followed by another. */
  readonly segmentBytes: number;
  readonly segmentMs: number;
  /** Entries that wait for the disk, all together. */
  readonly pendingBytes: number;
  /** Between two looks for what is not kept any more. */
  readonly expireEveryMs: number;
}

const LIMITS: AuditLimits = {
  segmentBytes: 16 * 1024 * 1024,
  segmentMs: 60 * 60_000,
  pendingBytes: 16 * 1024 * 1024,
  expireEveryMs: 60_000,
};

export interface AuditParts {
  readonly fs: FileSystem;
  /** The data directory. */
  readonly dir: string;
  readonly node: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits?: Partial<AuditLimits>;
  /** True while nothing new may be written to the disk. */
  isSpaceLow(): boolean;
  /** How long entries are kept, in milliseconds; Infinity: for ever. */
  keepMs(): number;
  /** It cannot be relied on any more: the process must end. */
  onFailure(error: Error): void;
}

interface Waiting {
  readonly entry: AuditEntry;
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** The file that is written to. */
interface Active {
  readonly sequence: number;
  readonly file: OpenFile;
  readonly createdMs: number;
  /** Where its first line ends. */
  readonly headEnd: number;
  end: number;
}

/**
 * Who asked this node for what: entries on the disk of this node, each durable before the request
 * is answered. One write and one sync for all that arrived while the one before was under way.
 */
export class AuditLog {
  readonly #parts: AuditParts;
  readonly #limits: AuditLimits;
  readonly #dir: string;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #active: Active | null = null;
  #last: SoundSegment | null = null;
  #hash = NO_HASH;
  #sequence = 0;
  /** Time of the newest entry, epoch milliseconds. */
  #newestMs = 0;
  #working: Promise<void> | null = null;
  /** The timer fired, and nobody has looked since for what is not kept any more. */
  #isExpiryDue = false;
  #failure: Error | null = null;
  #timer: TimerHandle | null = null;
  #isOpen = false;
  #written = 0;

  constructor(parts: AuditParts) {
    this.#parts = parts;
    this.#limits = { ...LIMITS, ...parts.limits };
    this.#dir = `${parts.dir}/${AUDIT_DIRECTORY}`;
  }

  /** Entries that were written since the start. */
  get written(): number {
    return this.#written;
  }

  /**
   * Takes up what is there, and begins to remove what is not kept any more.
   *
   * @throws AuditError
   */
  async open(): Promise<void> {
    const sequence = (await segmentsIn(this.#parts.fs, this.#dir)).at(-1);
    if (sequence !== undefined) {
      await syncWhole(this.#parts.fs, `${this.#dir}/${segmentName(sequence)}`);
      this.#last = await readSegment(this.#parts.fs, this.#dir, sequence, null);
      this.#hash = this.#last.hash;
      this.#sequence = this.#last.lastEntry;
      this.#newestMs = this.#last.newestMs;
    }
    this.#isOpen = true;
    this.#later();
  }

  /**
   * Resolves once the entry is durable.
   *
   * @throws EngineError `unavailable` where it cannot be
   */
  record(entry: AuditEntry): Promise<void> {
    const refusal = this.#refusal();
    if (refusal !== null) return Promise.reject(new EngineError('unavailable', refusal));
    const bytes = sizeOf(entry);
    this.#waitingBytes += bytes;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ entry, bytes, resolve, reject });
      this.#work();
    });
  }

  /** Takes nothing more; returns once all that was taken is durable or refused. */
  async close(): Promise<void> {
    this.#isOpen = false;
    this.#timer?.cancel();
    this.#timer = null;
    // What was taken while one round of work ended begins another.
    while (this.#working !== null) await this.#working;
    this.#failure ??= new Error('it is closed');
    await this.#active?.file.close();
    this.#active = null;
  }

  #refusal(): string | null {
    if (!this.#isOpen) return 'the audit log is not open';
    if (this.#failure !== null) return 'the audit log cannot be written';
    if (this.#parts.isSpaceLow()) return 'the disk is below its reserve, and this must be audited';
    if (this.#waitingBytes > this.#limits.pendingBytes) return 'too much waits to be audited';
    return null;
  }

  /** One thing at a time; a failure ends all. */
  #work(): void {
    this.#working ??= this.#doAll()
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#working = null;
        if (this.#hasWork()) this.#work();
      });
  }

  #hasWork(): boolean {
    return this.#failure === null && (this.#isExpiryDue || this.#waiting.length > 0);
  }

  /** Also where something always waits, what is due gets its turn between two batches. */
  async #doAll(): Promise<void> {
    while (this.#hasWork()) {
      if (this.#isExpiryDue) {
        this.#isExpiryDue = false;
        await this.#expire();
      }
      if (this.#waiting.length > 0) await this.#writeWaiting();
    }
  }

  async #writeWaiting(): Promise<void> {
    const active = await this.#file();
    const batch = this.#waiting;
    this.#waiting = [];
    await this.#write(active, batch).catch((error: unknown) => {
      this.#refuse(batch);
      throw error;
    });
    for (const { bytes, resolve } of batch) {
      this.#waitingBytes -= bytes;
      resolve();
    }
  }

  /** A failed write or sync is never tried again. */
  async #write(active: Active, batch: readonly Waiting[]): Promise<void> {
    const bytes = Buffer.from(batch.map(({ entry }) => this.#line(entry, active.end)).join(''));
    await writeAt(active.file, bytes, active.end);
    await syncFile(active.file);
    active.end += bytes.length;
    this.#newestMs = Math.max(this.#newestMs, ...batch.map(({ entry }) => entry.atMs));
    this.#written += batch.length;
  }

  #refuse(waiting: readonly Waiting[]): void {
    for (const { reject } of waiting) {
      reject(new EngineError('unavailable', 'the audit log cannot be written'));
    }
  }

  #line(entry: AuditEntry, durable: number): string {
    this.#sequence += 1;
    const { atMs, ...rest } = entry;
    const at = new Date(atMs).toISOString();
    const fields = { sequence: this.#sequence, at, durable, ...rest };
    const { text, hash } = chainedLine(fields, this.#hash);
    this.#hash = hash;
    return `${text}\n`;
  }

  /** The file to write to: another one where this one is large or old, and after each start. */
  async #file(): Promise<Active> {
    const active = this.#active;
    const nowMs = this.#parts.clock.nowMs();
    const { segmentBytes, segmentMs } = this.#limits;
    const isOver =
      active === null ||
      active.end >= segmentBytes ||
      Math.abs(nowMs - active.createdMs) >= segmentMs;
    return isOver ? this.#roll() : active;
  }

  async #roll(): Promise<Active> {
    const before = this.#active;
    await before?.file.close();
    this.#active = await this.#create(before, this.#parts.clock.nowMs());
    return this.#active;
  }

  async #create(before: Active | null, nowMs: number): Promise<Active> {
    const { fs, node } = this.#parts;
    const sequence = (before?.sequence ?? this.#last?.sequence ?? 0) + 1;
    await fs.makeDirectory(this.#dir);
    const head = {
      audit: AUDIT_FORMAT,
      segment: sequence,
      at: new Date(nowMs).toISOString(),
      node,
      previous: this.#hash,
      previousEnd: before?.end ?? this.#last?.end ?? 0,
      lastEntry: this.#sequence,
      newestMs: this.#newestMs,
    };
    const { text, hash } = chainedLine(head, this.#hash);
    const bytes = Buffer.from(`${text}\n`);
    // A file is there with its first line, or not at all.
    const path = `${this.#dir}/${segmentName(sequence)}`;
    const file = await fs.open(`${path}.new`, 'create');
    await writeAt(file, bytes, 0);
    await syncFile(file);
    await fs.rename(`${path}.new`, path);
    await fs.syncDirectory(this.#dir);
    this.#hash = hash;
    return { sequence, file, createdMs: nowMs, headEnd: bytes.length, end: bytes.length };
  }

  #later(): void {
    this.#timer = this.#parts.clock.after(this.#limits.expireEveryMs, () => {
      this.#isExpiryDue = true;
      this.#work();
      this.#later();
    });
  }

  /** Removes files whose newest entry is older than what is kept. */
  async #expire(): Promise<void> {
    const keepMs = this.#parts.keepMs();
    if (keepMs === Infinity || this.#sequence === 0) return;
    const { fs, clock } = this.#parts;
    const floorMs = clock.nowMs() - keepMs;
    // All of it is over: what is next goes into another file.
    const isOver = this.#newestMs < floorMs && !this.#isRolled();
    if (isOver && !this.#parts.isSpaceLow()) await this.#roll();
    if ((await this.#removeBefore(floorMs)) > 0) await fs.syncDirectory(this.#dir);
  }

  /**
   * Removes the oldest files as long as all in them is older; returns how many. What cannot be read
   * or removed stays until the next look: nobody was promised anything that this would break.
   */
  async #removeBefore(floorMs: number): Promise<number> {
    const { fs, logger } = this.#parts;
    let removed = 0;
    try {
      const sequences = await segmentsIn(fs, this.#dir);
      for (const [i, sequence] of sequences.entries()) {
        const next = sequences[i + 1];
        // What the files before ended with, the first line of the next one that is there says.
        if (next === undefined || (await newestBefore(fs, this.#dir, next)) >= floorMs) break;
        await fs.remove(`${this.#dir}/${segmentName(sequence)}`);
        removed += 1;
      }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      logger.warn({ reason }, 'expired audit logs could not be removed; trying again');
    }
    return removed;
  }

  /** Whether the newest file has no entry. */
  #isRolled(): boolean {
    return this.#active !== null && this.#active.end === this.#active.headEnd;
  }

  #fail(error: unknown): void {
    const failure = error instanceof Error ? error : new Error(String(error));
    this.#failure ??= failure;
    this.#refuse(this.#waiting);
    this.#waiting = [];
    this.#parts.onFailure(failure);
  }
}

/** What the texts of an entry that callers choose add up to, and about what the others do. */
function sizeOf({ id, subject, parameters }: AuditEntry): number {
  return parameters.reduce((sum, name) => sum + name.length, id.length + subject.length + 200);
}

/** What a process wrote that then died may be there and not be durable. */
async function syncWhole(fs: FileSystem, path: string): Promise<void> {
  const file = await fs.open(path, 'write');
  try {
    await syncFile(file);
  } finally {
    await file.close();
  }
}
