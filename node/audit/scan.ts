import { type LooseEnd, type ScanOptions, scanKeys } from '../log/index.ts';
import { AuditError } from './errors.ts';
import {
  AUDIT_DIRECTORY,
  auditFile,
  readSegment,
  type SoundSegment,
  segmentName,
  segmentsIn,
} from './segment.ts';

export type AuditFields = Readonly<Record<string, unknown>>;

/** A file of the log with bytes at its end that are no entry. */
export interface LooseFile extends LooseEnd {
  /** Below the data directory. */
  readonly file: string;
}

/**
 * The entries of the audit log in a data directory, oldest first, each of them checked to follow
 * the one before. Takes no lock: the node may be running.
 *
 * @param onLooseEnd is told of bytes at the end of a file that are no entry
 * @throws AuditError that names the place where the chain breaks
 * @throws EncryptionError where it is encrypted and the keys do not open it; LogCorruptError
 */
export async function* scanAudit(
  options: ScanOptions,
  onLooseEnd: (found: LooseFile) => void = () => {},
): AsyncGenerator<AuditFields> {
  const { fs, dir } = options;
  const directory = `${dir}/${AUDIT_DIRECTORY}`;
  const place = { fs, dir, keys: await scanKeys(options) };
  let previous: SoundSegment | null = null;
  for (const sequence of await segmentsIn(fs, directory)) {
    if (previous !== null && previous.sequence + 1 !== sequence) {
      const missing = segmentName(previous.sequence + 1);
      throw new AuditError('AUDIT_CORRUPT', `audit/${missing} is missing`);
    }
    const segment: SoundSegment = await readSegment(place, sequence, previous);
    requireWhole(previous, segment);
    const { looseEnd } = segment;
    if (looseEnd !== null) onLooseEnd({ file: auditFile(sequence), ...looseEnd });
    for (const { durable, ...entry } of segment.entries) {
      if (typeof durable === 'number') yield entry;
    }
    previous = segment;
  }
}

/** What the next file says of where the one before ended, it must have. */
function requireWhole(previous: SoundSegment | null, next: SoundSegment): void {
  if (previous === null || previous.end === next.previousEnd) return;
  const place = `audit/${segmentName(previous.sequence)} is corrupt at offset ${previous.end}`;
  throw new AuditError('AUDIT_CORRUPT', `${place}: it had ${next.previousEnd} bytes`);
}
