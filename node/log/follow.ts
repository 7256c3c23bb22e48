import type { FileKeys } from '../encryption/index.ts';
import { checkedHeader } from './recovery.ts';
import { type OpenSegment, openSegments, type ScanOptions, scanKeys, toRawRecord } from './scan.ts';
import { SEGMENT_DIRECTORY, segmentName } from './segment-files.ts';
import type { SaltedSegmentHeader } from './segment-header.ts';
import { SegmentReader } from './segment-reader.ts';
import { openSeal } from './segment-seal.ts';
import type { RawRecord } from './types.ts';

/**
 * Yields all records of a data directory, and then those that its running node goes on to write,
 * without end. Takes no lock. Bytes that are no record yet are waited for, so that it does not tell
 * a torn end or corruption from a node that writes; `scanLog` does.
 *
 * @param wait lets time pass before the next look
 * @throws NotALogError, LogFormatError, and SegmentChangedError where the node recycled a segment
 *   faster than this could read it
 */
export async function* followLog(
  options: ScanOptions,
  wait: () => Promise<void>,
): AsyncGenerator<RawRecord> {
  const keys = await scanKeys(options);
  const known = await openSegments(options);
  try {
    for (const segment of known) yield* followSegment(options, keys, known, segment, wait);
  } finally {
    for (const { file } of known) await file.close();
  }
}

/** The records of one segment, until the log has gone on behind it. */
async function* followSegment(
  options: ScanOptions,
  keys: FileKeys | null,
  known: OpenSegment[],
  { header, file }: OpenSegment,
  wait: () => Promise<void>,
): AsyncGenerator<RawRecord> {
  const name = segmentName(header.sequence);
  const seal = openSeal(keys, header, name);
  const reader = new SegmentReader(file, name, header.salt);
  for (;;) {
    const next = await nextHeader(options, known, header);
    while (reader.next()) yield toRawRecord(reader, name, seal);
    if (next !== null && reader.end >= next.previousEnd) return;
    await wait();
    reader.refresh();
  }
}

/** The header of the segment behind one, opened where it is new; null while there is none. */
async function nextHeader(
  { fs, dir }: ScanOptions,
  known: OpenSegment[],
  { sequence }: SaltedSegmentHeader,
): Promise<SaltedSegmentHeader | null> {
  const there = known.find(({ header }) => header.sequence === sequence + 1);
  if (there !== undefined) return there.header;
  const path = `${dir}/${SEGMENT_DIRECTORY}/${segmentName(sequence + 1)}`;
  if ((await fs.stat(path)) === null) return null;
  const file = await fs.open(path, 'read');
  const header = checkedHeader(file, sequence + 1, null);
  known.push({ header, file });
  return header;
}
