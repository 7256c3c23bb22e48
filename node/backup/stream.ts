import type { Storage } from 'etcd-raft-ts';
import type { HeldArchive } from '../archive/index.ts';
import type { SnapshotStream } from '../log/index.ts';
import { EntriesEncoder } from './entries-format.ts';
import { BackupError } from './errors.ts';
import type { PullReader } from './pull-reader.ts';

const MAGIC = Buffer.from('LITHBKST', 'latin1');
const VERSION = 2;
const MAX_HEAD_BYTES = 1024 * 1024;
const SLICE_BYTES = 1024 * 1024;

/** An entry of a cluster's log, to which a backup reaches. */
export interface BackupPoint {
  readonly clusterId: string;
  readonly epoch: number;
  readonly index: number;
  readonly term: number;
}

/** What a stream holds: a snapshot where the backup cannot go on from where it was, and entries. */
export interface StreamHead {
  readonly clusterId: string;
  readonly epoch: number;
  /** Null: the entries follow what the backup has. `bytes`: of the snapshot file that comes next. */
  readonly snapshot: {
    readonly index: number;
    readonly term: number;
    readonly bytes: number;
  } | null;
  /**
   * With a snapshot: archived history, whose files come behind it; their sizes. What they hold may
   * reach further than the snapshot.
   */
  readonly archive: { readonly generation: number; readonly files: readonly number[] } | null;
  /** A model of the cluster is encrypted at rest, and must not lie in a backup in plain. */
  readonly isSecret: boolean;
  /** The last entry of the stream. */
  readonly index: number;
  readonly term: number;
}

/** What a member's backup is read from. */
export interface BackupSource {
  readonly clusterId: string;
  readonly epoch: number;
  /** Where the applied state stands; nothing behind it goes into a backup. */
  readonly applied: number;
  readonly log: Pick<Storage, 'entries' | 'term' | 'firstIndex'> & {
    openSnapshotStream(): Promise<SnapshotStream | null>;
    hold(index: number): () => void;
  };
  /** A model of the cluster is encrypted at rest. */
  readonly isSecret: boolean;
  /** What is archived, held still until it is released. */
  holdArchive(): Promise<HeldArchive>;
  /** Lets other work run between slices. */
  pause(): Promise<void>;
}

/**
 * Everything that a backup lacks behind `after`, up to what is applied now. Where the log does not
 * reach back to it any more (or `after` is null) it begins with the current snapshot. Iterate it
 * once; ending the iteration gives the snapshot's file back.
 *
 * @throws BackupError `mismatch` where `after` is of another cluster or another history
 */
export async function openBackupStream(
  source: BackupSource,
  after: BackupPoint | null,
): Promise<AsyncIterableIterator<Uint8Array>> {
  const pieces = backupStream(source, after);
  // Drawn now, so that a refusal is thrown here and not in the middle of an answer.
  let first: IteratorResult<Uint8Array> | null = await pieces.next();
  const iterator: AsyncIterableIterator<Uint8Array> = {
    next: () => {
      const next = first === null ? pieces.next() : Promise.resolve(first);
      first = null;
      return next;
    },
    return: () => pieces.return(undefined),
    [Symbol.asyncIterator]: () => iterator,
  };
  return iterator;
}

async function* backupStream(
  source: BackupSource,
  after: BackupPoint | null,
): AsyncGenerator<Uint8Array, undefined, undefined> {
  const last = source.applied;
  let letGo: (() => void) | null = null;
  const base = after !== null && continues(source, after, last) ? null : await openBase(source);
  try {
    const start = base?.snapshot.metadata ?? after;
    if (start === null) throw new Error('a stream begins at a snapshot or behind a point');
    // However long the snapshot takes to be read: the log goes on, and must not give these up.
    letGo = source.log.hold(start.index);
    const index = Math.max(last, start.index);
    const term = index === start.index ? start.term : source.log.term(index);
    const { clusterId, epoch, isSecret } = source;
    yield encodeHead({ clusterId, epoch, isSecret, ...offerOf(base), index, term });
    if (base !== null) yield* baseBytes(base, () => source.pause());
    yield* entriesBetween(source, placeOf(start), index);
  } finally {
    letGo?.();
    base?.archive.release();
    await base?.snapshot.close();
  }
}

/** What a backup begins with: a snapshot, and the archived history that it does not hold. */
interface Base {
  readonly snapshot: SnapshotStream;
  readonly archive: HeldArchive;
}

async function openBase(source: BackupSource): Promise<Base> {
  const snapshot = await source.log.openSnapshotStream();
  if (snapshot === null) throw new BackupError('refused', 'there is no snapshot yet');
  // Held when the snapshot is open: what that one lacks was archived before.
  try {
    return { snapshot, archive: await source.holdArchive() };
  } catch (error) {
    await snapshot.close();
    throw error;
  }
}

function offerOf(base: Base | null): Pick<StreamHead, 'snapshot' | 'archive'> {
  if (base === null) return { snapshot: null, archive: null };
  const { snapshot, archive } = base;
  const { generation, files } = archive;
  return {
    snapshot: { ...placeOf(snapshot.metadata), bytes: snapshot.bytes },
    archive: { generation, files: files.map(({ bytes }) => bytes) },
  };
}

async function* baseBytes(
  { snapshot, archive }: Base,
  pause: () => Promise<void>,
): AsyncGenerator<Uint8Array> {
  yield* snapshot.chunks;
  for (const file of archive.files) {
    for (let at = 0; at < file.bytes; at += SLICE_BYTES) {
      yield await file.raw(at, SLICE_BYTES);
      await pause();
    }
  }
}

/** Whether the log goes on where the backup ends; false where it was compacted past that. */
function continues(source: BackupSource, after: BackupPoint, applied: number): boolean {
  if (after.clusterId !== source.clusterId || after.epoch !== source.epoch) {
    const theirs = `cluster ${after.clusterId}, epoch ${after.epoch}`;
    const ours = `cluster ${source.clusterId}, epoch ${source.epoch}`;
    throw new BackupError('mismatch', `the backup is of ${theirs}; this is ${ours}`);
  }
  if (after.index > applied) {
    const text = `the backup reaches to entry ${after.index}, this member to ${applied}: try later`;
    throw new BackupError('mismatch', text);
  }
  if (after.index < source.log.firstIndex() - 1) return false;
  if (source.log.term(after.index) === after.term) return true;
  throw new BackupError('mismatch', `entry ${after.index} is another one in this cluster's log`);
}

async function* entriesBetween(
  source: BackupSource,
  after: { readonly index: number; readonly term: number },
  last: number,
): AsyncGenerator<Uint8Array> {
  const header = {
    clusterId: source.clusterId,
    epoch: source.epoch,
    previousIndex: after.index,
    previousTerm: after.term,
  };
  const encoder = new EntriesEncoder(header);
  yield encoder.header(header);
  for (let next = after.index + 1; next <= last; ) {
    const entries = source.log.entries(next, last + 1, SLICE_BYTES);
    yield Buffer.concat(entries.map((entry) => encoder.entry(entry)));
    next += entries.length;
    await source.pause();
  }
  yield encoder.end();
}

function placeOf({ index, term }: { readonly index: number; readonly term: number }) {
  return { index, term };
}

function encodeHead(head: StreamHead): Uint8Array {
  const json = Buffer.from(JSON.stringify(head));
  const fixed = Buffer.alloc(16);
  MAGIC.copy(fixed, 0);
  fixed.writeUInt32LE(VERSION, 8);
  fixed.writeUInt32LE(json.length, 12);
  return Buffer.concat([fixed, json]);
}

/** @throws BackupError `corrupt` */
export async function readHead(reader: PullReader): Promise<StreamHead> {
  const fixed = Buffer.from(await reader.read(16));
  if (!fixed.subarray(0, 8).equals(MAGIC) || fixed.readUInt32LE(8) !== VERSION) {
    throw new BackupError('corrupt', 'the member answers with something else than a backup');
  }
  const length = fixed.readUInt32LE(12);
  if (length > MAX_HEAD_BYTES) throw new BackupError('corrupt', 'the head is too long');
  const head = parsed(Buffer.from(await reader.read(length)).toString());
  if (isHead(head)) return head;
  throw new BackupError('corrupt', 'the head of the stream has another shape than expected');
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
}

function isHead(value: unknown): value is StreamHead {
  if (!isObject(value)) return false;
  const { clusterId, epoch, isSecret, index, term, snapshot, archive } = value;
  if (typeof isSecret !== 'boolean') return false;
  if (archive !== null && !isOffer(archive)) return false;
  const numbers = [epoch, index, term];
  if (isObject(snapshot)) numbers.push(snapshot['index'], snapshot['term'], snapshot['bytes']);
  else if (snapshot !== null) return false;
  return typeof clusterId === 'string' && numbers.every(isCount);
}

function isOffer(value: unknown): value is NonNullable<StreamHead['archive']> {
  if (!isObject(value)) return false;
  const { generation, files } = value;
  return isCount(generation) && Array.isArray(files) && files.every(isCount);
}

function isCount(value: unknown): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
