import type { Entry, SnapshotMetadata } from 'etcd-raft-ts';
import {
  formatKeyring,
  type KeyRecord,
  type Keyring,
  MasterKeys,
  newKey,
  parseKeyring,
} from '../../encryption/index.ts';
import { encodeEntry, type WriteEntry } from '../../entry/index.ts';
import type { Random } from '../../ports/index.ts';
import { CLUSTER, clock, confState, logger, openMember } from '../fixture.ts';
import {
  type DataDirectory,
  type Log,
  type LogOptions,
  MemoryFileSystem,
  type NodeIdentity,
  openDataDirectory,
  type SaveRequest,
} from '../index.ts';
import { stateOf } from './log-state.ts';
import { type Refusal, type TracedDisk, TracedFileSystem } from './traced-file-system.ts';

export const DIR = '/data/member';
/** Small, so that a short workload has many segments and batches. */
export const LIMITS: LogOptions = {
  segmentBytes: 16 * 1024,
  cacheBytes: 4000,
  maxBatchBytes: 6000,
};
export const IDENTITY: NodeIdentity = {
  diskUuid: 'd1',
  name: 'n1',
  clusterId: CLUSTER,
  memberId: 1,
};

/** The entry of this place and term: its content follows from both, so that it can be checked. */
export function entryAt(index: number, term: number): Entry {
  const mixed = Math.imul(index * 31 + term, 0x9e3779b1) >>> 0;
  const bytes = index % 23 === 0 ? 18_000 : 20 + (mixed % 700);
  const text = `${index}/${term}/`.padEnd(bytes, String.fromCharCode(97 + (mixed % 26)));
  return { index, term, type: 0, data: encodeEntry(writeOf(index, text)) };
}

/** A write, so that the log can pack it. */
function writeOf(index: number, text: string): WriteEntry {
  const id = String(index);
  const json = JSON.stringify({ id, text });
  return {
    kind: 'write',
    memberId: 1,
    timestampMs: index,
    schemaVersion: 1,
    actor: { subject: 'anonymous', method: 'none' },
    idempotency: null,
    changes: [{ effect: 'created', model: 'Note', id, expectedVersion: 0, json, keys: [id] }],
  };
}

/** Keys that a workload may come to; one is added with each rotation. */
const KEYS = Array.from({ length: 8 }, (_, at) => new Uint8Array(32).fill(at + 1)).reduce(
  (records: readonly KeyRecord[], secret) => [
    ...records,
    newKey(records, secret, '2026-11-28T12:00:00.000Z'),
  ],
  [],
);

/** A keyring from one key to another, both included. */
export function keyring(from: number, to: number): Keyring {
  const records = KEYS.filter(({ id }) => id >= from && id <= to);
  return parseKeyring(formatKeyring(records), 'keys.json');
}

/** All that a workload may have encrypted with, but for keys before this one. */
export function keysFrom(oldest: number): MasterKeys {
  return new MasterKeys(keyring(oldest, KEYS.length));
}

/** What the snapshot of this index holds. */
export function* contentAt(index: number): Generator<Uint8Array> {
  for (let i = 0; i < 3; i++) yield new TextEncoder().encode(`snapshot ${index}, part ${i}`);
}

export function metadataAt(index: number, term: number): SnapshotMetadata {
  return { index, term, confState: confState(1, 2, 3) };
}

/** The bytes of a snapshot as a leader with a disk of its own sends them. */
export async function leaderSnapshot(
  metadata: SnapshotMetadata,
): Promise<AsyncIterable<Uint8Array>> {
  const { log } = await openMember(new MemoryFileSystem(), DIR, LIMITS);
  await log.bootstrap(metadata, contentAt(metadata.index));
  const stream = await log.openSnapshotStream();
  if (stream === null) throw new Error('a log that has begun has a snapshot');
  return stream.chunks;
}

/**
 * One member on a traced disk, through as many processes as a workload likes. Tells the trace what
 * it asks of the log and what the log answers.
 */
export class MemberUnderTest {
  readonly random: Random;
  readonly #disk: TracedDisk;
  #fs: TracedFileSystem | null = null;
  #directory: DataDirectory | null = null;
  #log: Log | null = null;
  #saves = 0;
  #asked = 0;
  #term = 1;
  #snapshots = 0;
  /** Resolves once the snapshot that was received last is in place. */
  #installed = Promise.resolve();
  /** Null: nothing is encrypted. */
  #keys: MasterKeys | null = null;
  #newestKey = 1;

  constructor(disk: TracedDisk, random: Random) {
    this.#disk = disk;
    this.random = random;
  }

  get log(): Log {
    if (this.#log === null) throw new Error('the log is not open');
    return this.#log;
  }

  below(limit: number): number {
    return Math.floor(this.random.fraction() * limit);
  }

  /** Starts a process on the disk, and recovers the log. */
  async open(): Promise<void> {
    const { trace } = this.#disk;
    this.#fs = new TracedFileSystem(this.#disk);
    this.#installed = Promise.resolve();
    // Small batches go to the disk in both ways, each in about half of the processes.
    this.#fs.writesNow = this.random.fraction() < 0.5;
    const world = { dir: DIR, fs: this.#fs, clock, random: this.random, logger };
    this.#directory = await openDataDirectory(world);
    if (this.#directory.identity === null) await this.name({ ...IDENTITY });
    const keys = this.#keys?.of(IDENTITY.diskUuid, this.random) ?? null;
    this.#log = await this.#directory.openLog({ ...LIMITS, keys, codec: () => this.#codec() });
    const snapshotIndex = this.#log.recovery.snapshot?.index ?? 0;
    trace.fact({ kind: 'opened', state: stateOf(this.#log), snapshotIndex });
    this.#term = this.#log.initialState().hardState?.term ?? this.#term;
  }

  /** Everything is encrypted from the next start on. */
  encrypt(keys = new MasterKeys(keyring(1, this.#newestKey))): void {
    this.#keys = keys;
  }

  /** A new key; what is written from now on has it. */
  rotate(): void {
    this.#newestKey += 1;
    this.#keys?.replace(keyring(1, this.#newestKey));
    this.log.encrypt(true);
  }

  /** Writes everything anew, as a compaction does; then no file needs an older key. */
  async rewrite(): Promise<void> {
    const key = this.#newestKey;
    await this.log.roll();
    for (let round = 0; round < 2; round++) {
      this.append(1 + this.below(3));
      await this.settled();
      await this.snapshot();
    }
    await this.log.erase(this.#snapshots);
    this.#disk.trace.fact({ kind: 'rewritten', key });
  }

  /** Every third entry as it is, the others packed. */
  #codec(): 'json' | 'binary' {
    this.#asked += 1;
    return this.#asked % 3 === 0 ? 'json' : 'binary';
  }

  async name(identity: NodeIdentity): Promise<void> {
    this.#disk.trace.fact({ kind: 'naming', identity });
    await this.#directory?.writeIdentity(identity);
    this.#disk.trace.fact({ kind: 'named', identity });
  }

  async close(): Promise<void> {
    await this.#directory?.close();
    this.#fs?.kill();
  }

  /** The process is gone at once; the page cache is not. */
  kill(): void {
    this.#fs?.kill();
  }

  refuse(refusal: Refusal): void {
    if (this.#fs !== null) this.#fs.refuse = refusal;
  }

  /** Queues a request; its answer goes to the trace. */
  save(request: SaveRequest, done: () => void = () => undefined): void {
    const { trace } = this.#disk;
    this.#saves += 1;
    const number = this.#saves;
    trace.fact({ kind: 'saving', number, request });
    this.log.save(request, () => {
      trace.fact({ kind: 'saved', number });
      done();
    });
  }

  /** Entries behind the last one, in the present term, with a hard state. */
  append(count: number): void {
    this.#entries(this.log.lastIndex() + 1, count);
  }

  /** A new leader replaces up to `depth` entries that no snapshot covers. */
  overwrite(depth: number, count: number): void {
    const { log } = this;
    this.#term += 1;
    const lowest = Math.max(log.firstIndex(), this.#snapshots + 1, log.lastIndex() + 1 - depth);
    this.#entries(lowest, count);
  }

  #entries(from: number, count: number): void {
    const entries = Array.from({ length: count }, (_, i) => entryAt(from + i, this.#term));
    this.save({ entries, hardState: this.#hardState() });
  }

  vote(): void {
    this.#term += 1;
    this.save({ hardState: this.#hardState() });
  }

  #hardState() {
    const { log } = this;
    const commit = Math.max(log.initialState().hardState?.commit ?? 0, log.firstIndex() - 1);
    return { term: this.#term, vote: this.below(4), commit };
  }

  members(...voters: number[]): void {
    const { lastIndex } = { lastIndex: this.log.lastIndex() };
    this.save({ confState: { index: lastIndex, confState: confState(...voters) } });
  }

  /** Resolves when everything that was queued so far is durable. */
  settled(): Promise<void> {
    return new Promise((resolve) => this.save({}, resolve));
  }

  async turn(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** Snapshots what is durable, then compacts as far as the log lets it. */
  async snapshot(): Promise<void> {
    const { log } = this;
    const { trace } = this.#disk;
    const index = log.durableIndex;
    if (index <= this.#snapshots || index < log.firstIndex()) return;
    const metadata = metadataAt(index, log.term(index));
    this.#snapshots = index;
    trace.fact({ kind: 'snapshotting', metadata });
    const { kind } = await log.writeSnapshot(metadata, contentAt(index));
    if (kind === 'superseded') return;
    trace.fact({ kind: 'snapshotted', index });
    this.compact(index);
  }

  compact(index: number): void {
    const { log } = this;
    const before = log.firstIndex() - 1;
    const terms = new Map<number, number>();
    for (let at = before; at <= log.lastIndex(); at++) terms.set(at, log.term(at));
    const base = log.compact(index);
    if (base === before) return;
    this.#disk.trace.fact({ kind: 'compacting', index: base, term: terms.get(base) ?? 0 });
  }

  /**
   * Installs a snapshot that lies `ahead` entries behind the end of the log. As consensus does,
   * receives none while another is on its way into the log.
   */
  async install(ahead: number): Promise<void> {
    await this.#installed;
    this.#term += 1;
    const metadata = metadataAt(this.log.lastIndex() + ahead, this.#term);
    await this.log.receiveSnapshot(await leaderSnapshot(metadata));
    this.#snapshots = metadata.index;
    const hardState = { term: this.#term, vote: 0, commit: metadata.index };
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#installed = promise;
    this.save({ snapshot: metadata, hardState }, resolve);
  }

  /** Begins the log of a new cluster. */
  async bootstrap(index: number): Promise<void> {
    const metadata = metadataAt(index, 1);
    const hardState = { term: 1, vote: 0, commit: index };
    this.#saves += 1;
    this.#snapshots = index;
    const { trace } = this.#disk;
    trace.fact({ kind: 'saving', number: this.#saves, request: { snapshot: metadata, hardState } });
    await this.log.bootstrap(metadata, contentAt(index));
    trace.fact({ kind: 'saved', number: this.#saves });
  }
}
