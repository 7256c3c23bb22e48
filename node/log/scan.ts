import type { SnapshotMetadata } from 'etcd-raft-ts';
import { FileKeys, type MasterKeys } from '../encryption/index.ts';
import { type BadPlace, LogCorruptError, NotALogError, SegmentChangedError } from './errors.ts';
import type { FileSystem, OpenFile } from './file-system.ts';
import { readIdentity } from './identity.ts';
import { type JournalRecord, OUTBOX_DIRECTORY } from './journal.ts';
import { pauseBy } from './pause.ts';
import { originalPayload } from './payload-codec.ts';
import { isEntryType, kindOf, NO_KEY } from './record.ts';
import { checkedHeader, requireNoGap, tailProblem, whyNotFollowed } from './recovery.ts';
import { Replay } from './replay.ts';
import { SEGMENT_DIRECTORY, segmentName, sequenceOf } from './segment-files.ts';
import { readSegmentHeader, type SaltedSegmentHeader } from './segment-header.ts';
import { SegmentReader } from './segment-reader.ts';
import { notAuthentic, openSeal, type SegmentSeal, unsealed } from './segment-seal.ts';
import {
  PREVIOUS_SNAPSHOT_NAME,
  readSnapshotFile,
  SNAPSHOT_NAME,
  verifySnapshotFile,
} from './snapshot-store.ts';
import type { LogReport, RawRecord } from './types.ts';

const pause = pauseBy(setImmediate);

/** How to read a data directory without owning it. */
export interface ScanOptions {
  readonly dir: string;
  readonly fs: FileSystem;
  /** Needed where anything is encrypted. */
  readonly keys?: MasterKeys | FileKeys | null;
}

/** The keys of a directory's files, as far as they were given. @throws LogCorruptError */
export async function scanKeys({ dir, fs, keys = null }: ScanOptions): Promise<FileKeys | null> {
  if (keys === null || keys instanceof FileKeys) return keys;
  const file = await readIdentity(fs, dir);
  return file === null ? null : keys.of(file.identity.diskUuid, null);
}

/** Whether a data directory has a log at all: one that was only copied in part may have none. */
export async function hasLog({ dir, fs }: Pick<ScanOptions, 'dir' | 'fs'>): Promise<boolean> {
  return (await fs.stat(`${dir}/${SEGMENT_DIRECTORY}`)) !== null;
}

/** A segment that is read from outside. */
export interface OpenSegment {
  readonly header: SaltedSegmentHeader;
  readonly file: OpenFile;
}

/**
 * Yields all records of a data directory in the order in which they were written, up to the end of
 * what is whole. Takes no lock: the node may be running.
 *
 * @throws NotALogError, LogCorruptError, LogFormatError
 * @throws SegmentChangedError where a running node recycled a segment meanwhile
 */
export async function* scanLog(options: ScanOptions): AsyncGenerator<RawRecord> {
  const keys = await scanKeys(options);
  const segments = await openSegments(options);
  try {
    for (const [position, segment] of segments.entries()) {
      yield* scanSegment(segment, segments[position + 1]?.header, keys);
    }
  } finally {
    for (const { file } of segments) await file.close();
  }
}

/**
 * Yields what is in the outbox of a data directory, ordered or not, as far as it was not written
 * over; nothing where there is none. Errors as above.
 */
export async function* scanOutbox(options: ScanOptions): AsyncGenerator<JournalRecord> {
  const { fs } = options;
  const dir = `${options.dir}/${OUTBOX_DIRECTORY}`;
  if ((await fs.stat(dir)) === null) return;
  const keys = (await scanKeys(options))?.forPart(OUTBOX_DIRECTORY) ?? null;
  for await (const { kind, index, data } of scanLog({ fs, dir, keys })) {
    if (kind === 'entry') yield { sequence: index, data };
  }
}

async function* scanSegment(
  segment: OpenSegment,
  next: SaltedSegmentHeader | undefined,
  keys: FileKeys | null,
): AsyncGenerator<RawRecord> {
  const name = segmentName(segment.header.sequence);
  const seal = openSeal(keys, segment.header, name);
  const reader = new SegmentReader(segment.file, name, segment.header.salt);
  while (advance(reader, segment, next)) {
    yield toRawRecord(reader, name, seal);
    if (reader.record % 1024 === 1023) await pause();
  }
}

/** Moves on; false at the end of the segment. Bytes that a running node is writing are read again. */
function advance(
  reader: SegmentReader,
  segment: OpenSegment,
  next: SaltedSegmentHeader | undefined,
): boolean {
  if (next !== undefined && reader.end >= next.previousEnd) {
    requireSound(reader, segment, whyNotFollowed(reader, next));
    return false;
  }
  if (reader.next()) return true;
  const survey = reader.survey();
  reader.refresh();
  if (reader.next()) return true;
  const proven = tailProblem(reader, segment.header.sequence, survey)?.place.reason ?? null;
  requireSound(reader, segment, next === undefined ? proven : survey.reason);
  return false;
}

function requireSound(reader: SegmentReader, segment: OpenSegment, reason: string | null): void {
  if (reason === null) return;
  requireUnchanged(segment);
  const file = segmentName(segment.header.sequence);
  throw new LogCorruptError({ file, offset: reader.end, record: reader.record + 1, reason });
}

/** @throws SegmentChangedError where the file became another segment since it was opened */
function requireUnchanged({ file, header }: OpenSegment): void {
  const name = segmentName(header.sequence);
  try {
    if (readSegmentHeader(file, name).salt === header.salt) return;
  } catch {
    // Half written is changed too.
  }
  throw new SegmentChangedError(name);
}

/** The record that a reader stands at, with bytes of its own. @throws LogCorruptError */
export function toRawRecord(
  reader: SegmentReader,
  segment: string,
  seal: SegmentSeal | null,
): RawRecord {
  const { header } = reader;
  return {
    segment,
    offset: reader.recordOffset,
    record: reader.record,
    kind: kindOf(header.type) ?? 'entry',
    group: header.group,
    key: header.key,
    codec: header.codec,
    index: header.index,
    term: header.term,
    data: plainOf(reader, segment, seal),
  };
}

/** The payload that a reader stands at, as it was saved; its own bytes. @throws LogCorruptError */
function plainOf(reader: SegmentReader, file: string, seal: SegmentSeal | null): Uint8Array {
  const { header, payload, recordOffset: offset, record } = reader;
  if (!isEntryType(header.type)) return payload.slice();
  const plain = unsealed(seal, payload, header, offset);
  if (plain === null) {
    throw new LogCorruptError({ file, offset, record, reason: notAuthentic(seal) });
  }
  try {
    return originalPayload(header.codec, plain.slice());
  } catch (error) {
    const reason = `the payload cannot be unpacked: ${String(error)}`;
    throw new LogCorruptError({ file, offset, record, reason });
  }
}

/** Opens all segments of a data directory, in order; the caller closes them. */
export async function openSegments({ dir, fs }: ScanOptions): Promise<OpenSegment[]> {
  const directory = `${dir}/${SEGMENT_DIRECTORY}`;
  const kind = (await fs.stat(dir))?.kind;
  if (kind === undefined) throw new NotALogError(dir, 'there is nothing');
  if (kind !== 'directory') throw new NotALogError(dir, 'it is not a data directory');
  if ((await fs.stat(directory))?.kind !== 'directory') {
    throw new NotALogError(dir, `it has no ${SEGMENT_DIRECTORY}`);
  }
  const names = await fs.list(directory);
  const sequences = names.map(sequenceOf).filter((sequence) => sequence !== null);
  if (sequences.length === 0) throw new NotALogError(dir, 'it has no segment');
  requireNoGap(sequences);
  const segments: OpenSegment[] = [];
  try {
    for (const sequence of sequences) await openSegment(fs, directory, sequence, segments);
    return segments;
  } catch (error) {
    for (const { file } of segments) await file.close();
    throw error;
  }
}

async function openSegment(
  fs: FileSystem,
  directory: string,
  sequence: number,
  segments: OpenSegment[],
): Promise<void> {
  const path = `${directory}/${segmentName(sequence)}`;
  if ((await fs.stat(path)) === null) throw new SegmentChangedError(segmentName(sequence));
  const file = await fs.open(path, 'read');
  try {
    segments.push({ header: checkedHeader(file, sequence, null), file });
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** A snapshot of a data directory, for tools. */
export interface ScannedSnapshot {
  readonly metadata: SnapshotMetadata;
  /** Can be iterated once. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

/**
 * The sound snapshots of a data directory, oldest first. Takes no lock.
 *
 * @param onDamage is told of each that is not sound and passed over
 * @throws LogFormatError, ClusterMismatchError
 */
export async function scanSnapshots(
  options: ScanOptions,
  onDamage: (place: BadPlace) => void = () => {},
): Promise<ScannedSnapshot[]> {
  const { dir, fs } = options;
  const keys = await scanKeys(options);
  const found: ScannedSnapshot[] = [];
  for (const name of [PREVIOUS_SNAPSHOT_NAME, SNAPSHOT_NAME]) {
    if ((await fs.stat(`${dir}/${name}`)) === null) continue;
    const owner = { clusterId: null, pause, keys };
    const problem = await problemOf(async () => {
      const { metadata } = await verifySnapshotFile(fs, dir, name, owner, 'all');
      found.push({ metadata, chunks: readSnapshotFile(fs, `${dir}/${name}`, name, pause, keys) });
    });
    if (problem !== null) onDamage(problem);
  }
  return found;
}

/** Counts while a log is read. */
class Tally {
  readonly replay = new Replay();
  segments = 0;
  records = 0;
  bytes = 0;
  tornBytes = 0;
  clusterId = '';
  memberId = 0;
}

/**
 * Reads everything in a data directory, segments and snapshots, and reports totals and the first
 * bad place. Takes no lock.
 *
 * @throws NotALogError, LogFormatError, SegmentChangedError
 */
export async function verifyLog(options: ScanOptions): Promise<LogReport> {
  const tally = new Tally();
  const identityProblem = await problemOf(async () => {
    await readIdentity(options.fs, options.dir);
  });
  const keys = identityProblem === null ? await scanKeys(options) : null;
  const problem = (await problemOf(() => verifySegments(options, keys, tally))) ?? null;
  const { snapshots, problem: snapshotProblem } = await verifySnapshots(options, keys);
  const { entries, hardState } = tally.replay;
  const empty = entries.lastIndex === entries.baseIndex;
  return {
    clusterId: tally.clusterId,
    memberId: tally.memberId,
    segments: tally.segments,
    records: tally.records,
    bytes: tally.bytes,
    firstIndex: empty ? 0 : entries.baseIndex + 1,
    lastIndex: empty ? 0 : entries.lastIndex,
    hardState,
    tornBytes: tally.tornBytes,
    snapshots,
    problem: problem ?? snapshotProblem ?? identityProblem,
  };
}

/**
 * The same of the outbox of a data directory; null where there is none, or nothing was ever taken.
 * Files are named with the directory that they are in. Errors as above.
 */
export async function verifyOutbox(options: ScanOptions): Promise<LogReport | null> {
  const { fs } = options;
  const dir = `${options.dir}/${OUTBOX_DIRECTORY}`;
  const segments = `${dir}/${SEGMENT_DIRECTORY}`;
  if ((await fs.stat(segments)) === null || (await fs.list(segments)).length === 0) return null;
  const keys = (await scanKeys(options))?.forPart(OUTBOX_DIRECTORY) ?? null;
  const report = await verifyLog({ fs, dir, keys });
  const { problem } = report;
  if (problem === null) return report;
  return { ...report, problem: { ...problem, file: `${OUTBOX_DIRECTORY}/${problem.file}` } };
}

async function problemOf(work: () => Promise<void>): Promise<BadPlace | null> {
  try {
    await work();
    return null;
  } catch (error) {
    if (error instanceof LogCorruptError) return error.place;
    throw error;
  }
}

async function verifySegments(
  options: ScanOptions,
  keys: FileKeys | null,
  tally: Tally,
): Promise<void> {
  const segments = await openSegments(options);
  try {
    for (const [position, segment] of segments.entries()) {
      tally.clusterId = segment.header.clusterId;
      tally.memberId = segment.header.memberId;
      await verifySegment(segment, segments[position + 1]?.header, keys, tally);
    }
    await requireComplete(options, tally, segments);
  } finally {
    for (const { file } of segments) await file.close();
  }
}

async function verifySegment(
  segment: OpenSegment,
  next: SaltedSegmentHeader | undefined,
  keys: FileKeys | null,
  tally: Tally,
): Promise<void> {
  const { sequence, salt } = segment.header;
  const name = segmentName(sequence);
  // Without keys, checksums are what can be checked.
  const seal = keys === null ? null : openSeal(keys, segment.header, name);
  const reader = new SegmentReader(segment.file, name, salt);
  const start = reader.end;
  while (advance(reader, segment, next)) {
    const { header, recordOffset } = reader;
    const reason = tally.replay.apply(reader, sequence, recordOffset);
    requireSound(reader, segment, reason);
    // Without keys, what is encrypted cannot be looked into.
    if (keys !== null || header.key === NO_KEY) plainOf(reader, name, seal);
    tally.records += 1;
    if (reader.record % 4096 === 4095) await pause();
  }
  tally.segments += 1;
  tally.bytes += reader.end - start;
  if (next === undefined) tally.tornBytes = reader.survey().end - reader.end;
}

async function requireComplete(
  { fs, dir }: ScanOptions,
  tally: Tally,
  segments: readonly OpenSegment[],
): Promise<void> {
  const [first, last] = [segments[0], segments.at(-1)];
  if (first === undefined || last === undefined) return;
  const reason = tally.replay.finish();
  const place = { offset: 0, record: -1 };
  if (tally.replay.sealed) {
    const file = segmentName(last.header.sequence + 1);
    // A running node may have begun it since the directory was listed.
    if ((await fs.stat(`${dir}/${SEGMENT_DIRECTORY}/${file}`)) !== null) return;
    throw new LogCorruptError({ ...place, file, reason: 'the segment is missing' });
  }
  if (reason === null) return;
  throw new LogCorruptError({ ...place, file: segmentName(first.header.sequence - 1), reason });
}

async function verifySnapshots(options: ScanOptions, keys: FileKeys | null) {
  const { fs, dir } = options;
  const snapshots: LogReport['snapshots'][number][] = [];
  let problem: BadPlace | null = null;
  for (const file of [SNAPSHOT_NAME, PREVIOUS_SNAPSHOT_NAME]) {
    if ((await fs.stat(`${dir}/${file}`)) === null) continue;
    const found = await problemOf(async () => {
      const stored = await verifySnapshotFile(
        fs,
        dir,
        file,
        { clusterId: null, pause, keys },
        'all',
      );
      const { index, term } = stored.metadata;
      snapshots.push({ file, index, term, bytes: stored.bytes });
    });
    problem ??= found;
  }
  return { snapshots, problem };
}
