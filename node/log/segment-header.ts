import { CHECK_BYTES, type KeyTag, SALT_BYTES } from '../encryption/index.ts';
import { crc32c } from './crc32c.ts';
import { ClusterMismatchError, LogCorruptError, LogFormatError, NotALogError } from './errors.ts';
import type { OpenFile } from './file-system.ts';
import { getUint64, setUint64, viewOf } from './numbers.ts';

/** Version of segments that this code reads and writes. */
export const SEGMENT_FORMAT_VERSION = 1;
/** The header has a block of its own, so that no append ever rewrites it. */
export const SEGMENT_HEADER_BYTES = 4096;

const MAGIC = new TextEncoder().encode('LITHRLOG');
const CHECKED_BYTES = 512;
const MAX_CLUSTER_ID_BYTES = 64;
const NONCE_AT = 40;
const KEY_ID_AT = 132;
const KEY_CHECK_AT = 136;

/** What a segment says about itself. */
export interface SegmentHeader {
  /** From 1, without gaps; the file's name. */
  readonly sequence: number;
  /** Index that the next new entry had when the segment began. */
  readonly firstIndex: number;
  /** Checksum of the last record in the segment before, and where that record ended; 0 in the first. */
  readonly previousChecksum: number;
  readonly previousEnd: number;
  readonly clusterId: string;
  readonly memberId: number;
  /** Of the key that the payloads of entries are encrypted with; null where they are not. */
  readonly tag: KeyTag | null;
}

/** The salt is the checksum of the header, which holds a random nonce: recycled bytes and payloads never match it. */
export interface SaltedSegmentHeader extends SegmentHeader {
  readonly salt: number;
}

/** Writes the header block at the start of `bytes`; returns the salt of the segment's records. */
export function writeSegmentHeader(
  bytes: Uint8Array,
  header: SegmentHeader,
  nonce: Uint8Array,
): number {
  bytes.fill(0, 0, SEGMENT_HEADER_BYTES);
  bytes.set(MAGIC, 0);
  const view = viewOf(bytes);
  view.setUint16(8, SEGMENT_FORMAT_VERSION, true);
  setUint64(view, 16, header.sequence);
  setUint64(view, 24, header.firstIndex);
  view.setUint32(32, header.previousChecksum, true);
  view.setUint32(36, header.previousEnd, true);
  bytes.set(nonce.subarray(0, SALT_BYTES), NONCE_AT);
  setUint64(view, 56, header.memberId);
  const clusterId = new TextEncoder().encode(header.clusterId);
  if (clusterId.length > MAX_CLUSTER_ID_BYTES) throw new RangeError('cluster id is too long');
  view.setUint16(64, clusterId.length, true);
  bytes.set(clusterId, 66);
  if (header.tag !== null) {
    view.setUint32(KEY_ID_AT, header.tag.keyId, true);
    bytes.set(header.tag.check, KEY_CHECK_AT);
  }
  const salt = crc32c(bytes, 0, CHECKED_BYTES, 0);
  view.setUint32(12, salt, true);
  return salt;
}

/**
 * Reads and checks the header of a segment file.
 *
 * @throws NotALogError, LogFormatError, LogCorruptError
 */
export function readSegmentHeader(file: OpenFile, name: string): SaltedSegmentHeader {
  const bytes = new Uint8Array(CHECKED_BYTES);
  const length = file.read(bytes, 0);
  if (!startsWithMagic(bytes)) throw new NotALogError(name, 'it does not begin as a segment does');
  const view = viewOf(bytes);
  const salt = view.getUint32(12, true);
  view.setUint32(12, 0, true);
  if (length < CHECKED_BYTES || crc32c(bytes, 0, CHECKED_BYTES, 0) !== salt) {
    const reason = 'the segment header does not match its checksum';
    throw new LogCorruptError({ file: name, offset: 0, record: -1, reason });
  }
  const version = view.getUint16(8, true);
  if (version !== SEGMENT_FORMAT_VERSION) {
    throw new LogFormatError(`${name} has format version ${version}; this version reads 1`);
  }
  return { ...readFields(bytes, view), salt };
}

function readFields(bytes: Uint8Array, view: DataView): SegmentHeader {
  const idBytes = Math.min(view.getUint16(64, true), MAX_CLUSTER_ID_BYTES);
  return {
    sequence: getUint64(view, 16),
    firstIndex: getUint64(view, 24),
    previousChecksum: view.getUint32(32, true),
    previousEnd: view.getUint32(36, true),
    clusterId: new TextDecoder().decode(bytes.subarray(66, 66 + idBytes)),
    memberId: getUint64(view, 56),
    tag: readTag(bytes, view),
  };
}

/** The nonce of the header is the salt of the segment's key. */
function readTag(bytes: Uint8Array, view: DataView): KeyTag | null {
  const keyId = view.getUint32(KEY_ID_AT, true);
  if (keyId === 0) return null;
  const salt = bytes.slice(NONCE_AT, NONCE_AT + SALT_BYTES);
  return { keyId, salt, check: bytes.slice(KEY_CHECK_AT, KEY_CHECK_AT + CHECK_BYTES) };
}

function startsWithMagic(bytes: Uint8Array): boolean {
  return MAGIC.every((byte, position) => bytes[position] === byte);
}

/** @throws ClusterMismatchError unless the segment is this member's */
export function requireOwner(
  header: SegmentHeader,
  name: string,
  clusterId: string,
  memberId: number,
): void {
  if (header.clusterId !== clusterId) {
    const text = `${name} belongs to cluster ${header.clusterId}, not to ${clusterId}`;
    throw new ClusterMismatchError(text);
  }
  if (header.memberId !== memberId) {
    const text = `${name} belongs to member ${header.memberId}, not to member ${memberId}`;
    throw new ClusterMismatchError(text);
  }
}
