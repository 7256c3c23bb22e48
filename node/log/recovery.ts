import { LogCorruptError } from './errors.ts';
import { fillWithZeros, syncFile, writeAt } from './file-steps.ts';
import type { OpenFile } from './file-system.ts';
import { Replay } from './replay.ts';
import { type Segment, type SegmentFiles, segmentName } from './segment-files.ts';
import { readSegmentHeader, requireOwner, type SaltedSegmentHeader } from './segment-header.ts';
import { SegmentReader, type TailSurvey } from './segment-reader.ts';
import { VerifiedBlocks } from './verified-blocks.ts';

/** Records between two pauses of a long scan. */
const SLICE_RECORDS = 4096;

/** Where the last segment ends, and with it the log. */
export interface LogTail {
  readonly sequence: number;
  readonly salt: number;
  /** Checksum of the last record, or the salt. */
  readonly checksum: number;
  /** Behind the last sound record. */
  readonly end: number;
  /** Where the last sound batch began. */
  readonly batchOffset: number;
  /** How far the remains of a torn batch reach. */
  readonly tornEnd: number;
  readonly header: SaltedSegmentHeader;
}

/** What is on disk. */
export interface RecoveredLog {
  readonly replay: Replay;
  /** By sequence number, ascending; open, the last one for writing. */
  readonly segments: Map<number, Segment>;
  readonly tail: LogTail | null;
  readonly records: number;
  readonly blocks: VerifiedBlocks;
}

/** The member whose log it must be. */
export interface Owner {
  readonly clusterId: string;
  readonly memberId: number;
}

/** Who lets others have a turn meanwhile, and who hears how many segments are read. */
interface Course {
  readonly pause: () => Promise<void>;
  readonly onRecovering: (read: number, of: number) => void;
}

/**
 * Reads all segments and replays their records. Changes nothing on disk.
 *
 * @throws LogCorruptError, LogFormatError, ClusterMismatchError, NotALogError
 */
export async function recoverLog(
  files: SegmentFiles,
  owner: Owner,
  pause: () => Promise<void>,
  onRecovering: (read: number, of: number) => void,
): Promise<RecoveredLog> {
  const sequences = await files.list();
  requireNoGap(sequences);
  const segments = new Map<number, Segment>();
  try {
    return await readSegments(files, owner, { pause, onRecovering }, sequences, segments);
  } catch (error) {
    for (const segment of segments.values()) await segment.file.close();
    throw error;
  }
}

async function readSegments(
  files: SegmentFiles,
  owner: Owner,
  course: Course,
  sequences: readonly number[],
  segments: Map<number, Segment>,
): Promise<RecoveredLog> {
  const headers: SaltedSegmentHeader[] = [];
  for (const sequence of sequences) {
    const file = await files.open(sequence, sequence === sequences.at(-1) ? 'write' : 'read');
    segments.set(sequence, { sequence, file, capacity: file.size() });
    headers.push(checkedHeader(file, sequence, owner));
  }
  const replay = new Replay();
  const blocks = new VerifiedBlocks();
  let records = 0;
  let tail: LogTail | null = null;
  for (const [position, header] of headers.entries()) {
    const { sequence, salt } = header;
    const file = segments.get(sequence)?.file;
    if (file === undefined) continue;
    const reader = new SegmentReader(file, segmentName(sequence), salt, (start, bytes) => {
      blocks.note(sequence, start, bytes);
    });
    const next = headers[position + 1];
    course.onRecovering(position, headers.length);
    await replaySegment(reader, sequence, next, replay, course.pause);
    reader.endBlock();
    if (next === undefined) tail = tailOf(reader, header);
    records += reader.record + 1;
  }
  requireComplete(replay, tail, sequences);
  return { replay, segments, tail, records, blocks };
}

/** @throws LogCorruptError naming the segment that is missing */
export function requireNoGap(sequences: readonly number[]): void {
  const first = sequences[0] ?? 1;
  for (const [position, sequence] of sequences.entries()) {
    if (sequence === first + position) continue;
    throw segmentError(first + position, 'the segment is missing');
  }
}

/** @throws LogCorruptError, LogFormatError, ClusterMismatchError, NotALogError */
export function checkedHeader(file: OpenFile, sequence: number, owner: Owner | null) {
  const name = segmentName(sequence);
  const header = readSegmentHeader(file, name);
  if (owner !== null) requireOwner(header, name, owner.clusterId, owner.memberId);
  if (header.sequence !== sequence) {
    throw segmentError(sequence, `the file holds segment ${header.sequence}: files were swapped`);
  }
  return header;
}

async function replaySegment(
  reader: SegmentReader,
  sequence: number,
  next: SaltedSegmentHeader | undefined,
  replay: Replay,
  pause: () => Promise<void>,
): Promise<void> {
  const file = segmentName(sequence);
  const limit = next?.previousEnd ?? Number.MAX_SAFE_INTEGER;
  while (reader.end < limit && reader.next()) {
    const reason = replay.apply(reader, sequence, reader.recordOffset);
    if (reason !== null) {
      const { recordOffset: offset, record } = reader;
      throw new LogCorruptError({ file, offset, record, reason });
    }
    if (reader.record % SLICE_RECORDS === SLICE_RECORDS - 1) await pause();
  }
  const problem = next === undefined ? null : whyNotFollowed(reader, next);
  if (problem === null) return;
  throw new LogCorruptError({
    file,
    offset: reader.end,
    record: reader.record + 1,
    reason: problem,
  });
}

/** Why a segment does not lead to the next one; null where it does. */
export function whyNotFollowed(reader: SegmentReader, next: SaltedSegmentHeader): string | null {
  if (reader.end < next.previousEnd) return reader.survey().reason;
  const joins = reader.end === next.previousEnd && reader.checksum === next.previousChecksum;
  return joins ? null : `segment ${segmentName(next.sequence)} does not follow this record`;
}

function tailOf(reader: SegmentReader, header: SaltedSegmentHeader): LogTail {
  const survey = reader.survey();
  const problem = tailProblem(reader, header.sequence, survey);
  if (problem !== null) throw problem;
  const { end, checksum, batchOffset } = reader;
  const { sequence, salt } = header;
  return { sequence, salt, checksum, end, batchOffset, tornEnd: survey.end, header };
}

/** The corruption that the end of the last segment shows; null where a crash explains it. */
export function tailProblem(
  reader: SegmentReader,
  sequence: number,
  survey: TailSurvey,
): LogCorruptError | null {
  if (survey.provenBy === null) return null;
  const file = segmentName(sequence);
  const reason = `${survey.reason}, but a later batch stands at offset ${survey.provenBy}`;
  return new LogCorruptError({ file, offset: reader.end, record: reader.record + 1, reason });
}

function requireComplete(replay: Replay, tail: LogTail | null, sequences: readonly number[]): void {
  if (tail === null) return;
  if (replay.sealed) throw segmentError(tail.sequence + 1, 'the segment is missing');
  const reason = replay.finish();
  if (reason !== null) throw segmentError((sequences[0] ?? 1) - 1, reason);
}

function segmentError(sequence: number, reason: string): LogCorruptError {
  return new LogCorruptError({ file: segmentName(sequence), offset: 0, record: -1, reason });
}

/**
 * Makes what was recovered durable and the rest unreadable. The last batch is written again: after
 * a failed sync the page cache may hold bytes that the disk does not, and would say nothing.
 */
export async function repairTail(tail: LogTail, segment: Segment): Promise<void> {
  const last = new Uint8Array(Math.max(0, tail.end - tail.batchOffset));
  segment.file.read(last, tail.batchOffset);
  if (last.length > 0) await writeAt(segment.file, last, tail.batchOffset);
  await fillWithZeros(segment.file, tail.end, tail.tornEnd);
  await syncFile(segment.file);
}
