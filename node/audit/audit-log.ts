import {
  type FileSystem,
  type GrowingFile,
  type KeyUse,
  type LogOptions,
  syncFile,
} from '../log/index.ts';
import {
  type AuditEntry,
  type Clock,
  EngineError,
  type Logger,
  type TimerHandle,
} from '../ports/index.ts';
import { AuditFiles } from './audit-files.ts';
import { chainedLine, NO_HASH } from './line.ts';
import { AUDIT_FORMAT, auditFile, type SoundSegment } from './segment.ts';

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

/** The keys of the disk, and whether new files are encrypted: unless said, where there are keys. */
export type AuditEncryption = Pick<LogOptions, 'keys' | 'encrypts'>;

interface Waiting {
  readonly entry: AuditEntry;
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Files that are written anew, one at a time. */
interface Renewal extends PromiseWithResolvers<void> {
  /** They could not be read, and stay as they are. */
  readonly passedOver: Set<number>;
  error: unknown;
}

/** The file that is written to. Places are those of what it holds before it is encrypted. */
interface Active {
  readonly sequence: number;
  readonly file: GrowingFile;
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
  readonly #files: AuditFiles;
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
  #renewal: Renewal | null = null;
  #failure: Error | null = null;
  #timer: TimerHandle | null = null;
  #isOpen = false;
  #written = 0;

  constructor(parts: AuditParts) {
    this.#parts = parts;
    this.#limits = { ...LIMITS, ...parts.limits };
    this.#files = new AuditFiles(parts.fs, parts.dir);
  }

  /** Entries that were written since the start. */
  get written(): number {
    return this.#written;
  }

  /** What each file is encrypted with. */
  get keyUses(): readonly KeyUse[] {
    return this.#files.uses;
  }

  /**
   * Takes up what is there, and begins to remove what is not kept any more.
   *
   * @throws AuditError, LogCorruptError
   * @throws EncryptionError where the keys do not open all of it
   */
  async open({ keys = null, encrypts = true }: AuditEncryption): Promise<void> {
    const sequence = await this.#files.open(keys, encrypts);
    if (sequence !== undefined) {
      await syncWhole(this.#parts.fs, `${this.#parts.dir}/${auditFile(sequence)}`);
      this.#last = await this.#files.read(sequence);
      this.#hash = this.#last.hash;
      this.#sequence = this.#last.lastEntry;
      this.#newestMs = this.#last.newestMs;
      this.#tell(this.#last);
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

  /** What stands behind the last entry is left where it is: no file is gone on with. */
  #tell({ sequence, looseEnd }: SoundSegment): void {
    if (looseEnd === null) return;
    const { offset, bytes, isTorn } = looseEnd;
    const place = { file: auditFile(sequence), offset, bytes };
    const { logger } = this.#parts;
    if (isTorn) logger.info(place, 'an entry of the audit log was not written to its end');
    else logger.warn(place, 'the end of the audit log is not what was written: entries are lost');
  }

  /** Whether files that are begun from here on are encrypted; never without keys. */
  encrypt(isOn: boolean): void {
    this.#files.encrypt(isOn);
  }

  /**
   * Writes files anew that are encrypted otherwise than they should be, in turn with entries that
   * come meanwhile. Where the disk is below its reserve, what is left stays for another time.
   *
   * @throws what the first file said that cannot be read; the others are written
   */
  renew(): Promise<void> {
    if (!this.#isOpen || this.#failure !== null) return Promise.resolve();
    this.#renewal ??= { ...Promise.withResolvers<void>(), passedOver: new Set(), error: null };
    const { promise } = this.#renewal;
    this.#work();
    return promise;
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
    const isAsked = this.#isExpiryDue || this.#renewal !== null || this.#waiting.length > 0;
    return this.#failure === null && isAsked;
  }

  /** Also where something always waits, what is due gets its turn between two batches. */
  async #doAll(): Promise<void> {
    while (this.#hasWork()) {
      if (this.#isExpiryDue) {
        this.#isExpiryDue = false;
        await this.#expire();
      }
      if (this.#renewal !== null) await this.#renewNext(this.#renewal);
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
    await active.file.append(bytes);
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

  /** The file to write to: another one where this one is large, old or of another key, and after each start. */
  async #file(): Promise<Active> {
    const active = this.#active;
    const nowMs = this.#parts.clock.nowMs();
    const { segmentBytes, segmentMs } = this.#limits;
    const isOver =
      active === null ||
      active.file.keyId !== this.#files.wantedKeyId ||
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
    const sequence = (before?.sequence ?? this.#last?.sequence ?? 0) + 1;
    const head = {
      audit: AUDIT_FORMAT,
      segment: sequence,
      at: new Date(nowMs).toISOString(),
      node: this.#parts.node,
      previous: this.#hash,
      previousEnd: before?.end ?? this.#last?.end ?? 0,
      lastEntry: this.#sequence,
      newestMs: this.#newestMs,
    };
    const { text, hash } = chainedLine(head, this.#hash);
    const bytes = Buffer.from(`${text}\n`);
    const file = await this.#files.create(sequence, bytes);
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
    const floorMs = this.#parts.clock.nowMs() - keepMs;
    // All of it is over: what is next goes into another file.
    const isOver = this.#newestMs < floorMs && !this.#isRolled();
    if (isOver && !this.#parts.isSpaceLow()) await this.#roll();
    if ((await this.#removeBefore(floorMs)) > 0) await this.#files.syncDirectory();
  }

  /**
   * Removes the oldest files as long as all in them is older; returns how many. What cannot be read
   * or removed stays until the next look: nobody was promised anything that this would break.
   */
  async #removeBefore(floorMs: number): Promise<number> {
    let removed = 0;
    try {
      const sequences = await this.#files.sequences();
      for (const [i, sequence] of sequences.entries()) {
        const next = sequences[i + 1];
        // What the files before ended with, the first line of the next one that is there says.
        if (next === undefined || (await this.#files.newestBefore(next)) >= floorMs) break;
        await this.#files.remove(sequence);
        removed += 1;
      }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#parts.logger.warn({ reason }, 'expired audit logs could not be removed; trying again');
    }
    return removed;
  }

  /** One file; a write that fails ends the log, one that cannot be read stays. */
  async #renewNext(renewal: Renewal): Promise<void> {
    const sequence = await this.#staleFile(renewal);
    if (sequence === null) {
      this.#renewal = null;
      if (renewal.error === null) renewal.resolve();
      else renewal.reject(renewal.error);
      return;
    }
    const bytes = await this.#files.bytesOf(sequence).catch((error: unknown) => {
      renewal.passedOver.add(sequence);
      renewal.error ??= error;
      return null;
    });
    if (bytes !== null) await this.#files.replace(sequence, bytes);
  }

  /** What is written to gets a successor first. */
  async #staleFile({ passedOver }: Renewal): Promise<number | null> {
    if (!this.#isOpen || this.#parts.isSpaceLow()) return null;
    const stale = this.#files.stale.filter((sequence) => !passedOver.has(sequence));
    if (this.#active !== null && stale.includes(this.#active.sequence)) await this.#roll();
    return stale[0] ?? null;
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
    this.#renewal?.reject(failure);
    this.#renewal = null;
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
