import type { SnapshotMetadata } from 'etcd-raft-ts';
import type { Clock } from '../ports/index.ts';
import { Appender, SEALING_BYTES } from './appender.ts';
import type { Batch } from './batch.ts';
import { LogFailedError } from './errors.ts';
import { syncFile, writeAt } from './file-steps.ts';
import type { Segment, SegmentFiles } from './segment-files.ts';
import { readSegmentHeader } from './segment-header.ts';

/** Where the disk had no room for a spare, it is asked again after so long. */
const PREPARE_RETRY_MS = 1_000;

/**
 * A batch that is no longer is written by the event loop itself: the page cache takes it within some
 * microseconds, and to another thread and back takes longer. What takes long is the sync.
 */
const SMALL_BATCH_BYTES = 32 * 1024;

/**
 * Behind a batch of no more records hardly anybody writes: the next one waits for nobody else. Behind
 * larger ones it gains by waiting for all that this turn of the event loop still brings.
 */
const FEW_RECORDS = 4;

/** What the writer needs of the log around it. */
export interface WriterContext {
  readonly files: SegmentFiles;
  readonly appender: Appender;
  readonly clock: Clock;
  /** All open segments by sequence; the writer adds the ones that it begins. */
  readonly segments: Map<number, Segment>;
  /** Begins a batch at the end of this turn of the event loop. */
  defer(run: () => void): void;
  /** Begins one as soon as what is appended now was appended as a whole. */
  hurry(run: () => void): void;
  /** Puts a received snapshot in place, durably. */
  install(metadata: SnapshotMetadata): Promise<void>;
  /** A batch is durable; batches come in order. */
  onDurable(batch: Batch): void;
  onFailure(error: LogFailedError): void;
}

/**
 * The only writer of the segments: one batch, one write, one sync at a time. Whatever fails ends
 * it for good; nothing is tried twice, because a failed sync says nothing about what is on disk.
 */
export class BatchWriter {
  readonly #context: WriterContext;
  #running: Batch | null = null;
  #scheduled = false;
  #failure: LogFailedError | null = null;
  #background: Promise<void> = Promise.resolve();
  #startedMs = 0;
  /** In the batch before this one. */
  #lastRecords = 0;
  /** The segment for whose successor a spare was made. */
  #prepared = 0;
  #prepareAgainMs = 0;
  lastSyncMs = 0;

  constructor(context: WriterContext) {
    this.#context = context;
  }

  get failure(): LogFailedError | null {
    return this.#failure;
  }

  get running(): Batch | null {
    return this.#running;
  }

  /** Says that something may wait. Whatever else arrives until the batch begins joins it. */
  kick(): void {
    if (this.#running !== null || this.#scheduled || this.#failure !== null) return;
    this.#scheduled = true;
    const start = (): void => {
      this.#scheduled = false;
      this.#start();
    };
    if (this.#lastRecords <= FEW_RECORDS) this.#context.hurry(start);
    else this.#context.defer(start);
  }

  /** Runs work behind the commit path, one piece after another. A failure there is one of the log. */
  inBackground(what: string, work: () => Promise<void>): void {
    this.#background = this.#background.then(work).catch((error) => this.fail(what, error));
  }

  /** Resolves when the work in the background is done. */
  settled(): Promise<void> {
    return this.#background;
  }

  fail(what: string, error: unknown): void {
    if (this.#failure !== null) return;
    const reason = error instanceof Error ? error.message : String(error);
    this.#failure = new LogFailedError(`${what} failed: ${reason}`, error);
    this.#context.onFailure(this.#failure);
  }

  #start(): void {
    if (this.#running !== null || this.#failure !== null) return;
    const batch = this.#context.appender.take();
    if (batch === null) return;
    this.#running = batch;
    this.#startedMs = this.#context.clock.monotonicMs();
    if (batch.install !== null || batch.beginsSegment) void this.#startSlowly(batch);
    else this.#write(batch);
  }

  #write(batch: Batch): void {
    const segment = this.#context.segments.get(batch.sequence);
    if (segment === undefined) return this.fail('writing the log', new Error('segment is closed'));
    if (batch.length === 0) return this.#finish(batch);
    if (batch.length <= SMALL_BATCH_BYTES && segment.file.writeNow !== undefined) {
      try {
        segment.file.writeNow(batch.content(), batch.offset);
      } catch (error) {
        // The batch before may just have become durable, and says so first.
        queueMicrotask(() => this.fail(`writing ${this.#path(batch)}`, error));
        return;
      }
      return this.#sync(batch, segment);
    }
    segment.file.write(batch.content(), batch.offset, (error) => {
      if (error !== null) return this.fail(`writing ${this.#path(batch)}`, error);
      this.#sync(batch, segment);
    });
  }

  #sync(batch: Batch, { file }: Segment): void {
    file.sync((error) => {
      if (error !== null) return this.fail(`syncing ${this.#path(batch)}`, error);
      this.#finish(batch);
    });
  }

  async #startSlowly(batch: Batch): Promise<void> {
    try {
      if (batch.install !== null) await this.#context.install(batch.install);
      if (!batch.beginsSegment) return this.#write(batch);
      await this.#beginSegment(batch);
    } catch (error) {
      return this.fail(`writing ${this.#path(batch)}`, error);
    }
    this.#finish(batch);
  }

  /** The segment gets its name only when all of the batch is durable in it. */
  async #beginSegment(batch: Batch): Promise<void> {
    const { files, segments } = this.#context;
    const spare = await files.takeSpare(batch.length + SEALING_BYTES);
    await writeAt(spare.file, batch.content(), 0);
    await syncFile(spare.file);
    await files.publish(spare, batch.sequence);
    const capacity = spare.file.size();
    segments.set(batch.sequence, { sequence: batch.sequence, file: spare.file, capacity });
    const left = segments.get(batch.sequence - 1);
    if (left === undefined) return;
    const { previousChecksum, previousEnd } = readSegmentHeader(spare.file, spare.path);
    this.inBackground(`sealing ${files.path(left.sequence)}`, async () => {
      if (segments.get(left.sequence) !== left) return;
      const { salt } = readSegmentHeader(left.file, files.path(left.sequence));
      await writeAt(left.file, Appender.seal(salt, previousChecksum, previousEnd), previousEnd);
      await syncFile(left.file);
    });
  }

  #finish(batch: Batch): void {
    this.lastSyncMs = this.#context.clock.monotonicMs() - this.#startedMs;
    this.#lastRecords = batch.records;
    this.#running = null;
    // The disk first: it works while the callbacks run.
    this.#start();
    this.#context.onDurable(batch);
    this.#context.appender.release(batch);
    this.#prepareAhead();
  }

  #prepareAhead(): void {
    const { appender, files } = this.#context;
    if (appender.fill < 0.5 || this.#prepared === appender.sequence) return;
    if (this.#context.clock.monotonicMs() < this.#prepareAgainMs) return;
    const { sequence } = appender;
    this.#prepared = sequence;
    this.inBackground('preparing a segment', async () => {
      if ((await files.prepareSpare()) || this.#prepared !== sequence) return;
      this.#prepared = 0;
      this.#prepareAgainMs = this.#context.clock.monotonicMs() + PREPARE_RETRY_MS;
    });
  }

  #path(batch: Batch): string {
    return this.#context.files.path(batch.sequence);
  }
}
