import { crc32cIn } from './crc32c.ts';
import { getUint64, setUint64 } from './numbers.ts';
import type { RecordKind } from './types.ts';

/** What a record holds. The numbers are part of the format (docs/storage-format.md). */
export const RecordType = {
  Entry: 1,
  ConfChange: 2,
  ConfChangeV2: 3,
  HardState: 16,
  ConfState: 17,
  /** The log starts behind this index: everything up to it was compacted. */
  Base: 18,
  /** The log restarts behind this index: a snapshot replaced everything before. */
  Reset: 19,
  /** Recovery ended here. */
  Opened: 20,
  /** Closed in an orderly way here. */
  Closed: 21,
  /** The log goes on in the next segment, which is durable. */
  Sealed: 22,
} as const;
export type RecordType = (typeof RecordType)[keyof typeof RecordType];

const KINDS: ReadonlyMap<number, RecordKind> = new Map([
  [RecordType.Entry, 'entry'],
  [RecordType.ConfChange, 'confChange'],
  [RecordType.ConfChangeV2, 'confChangeV2'],
  [RecordType.HardState, 'hardState'],
  [RecordType.ConfState, 'confState'],
  [RecordType.Base, 'base'],
  [RecordType.Reset, 'reset'],
  [RecordType.Opened, 'opened'],
  [RecordType.Closed, 'closed'],
  [RecordType.Sealed, 'sealed'],
]);

/** The name of a record type; undefined for one that this version does not know. */
export function kindOf(type: number): RecordKind | undefined {
  return KINDS.get(type);
}

/** True for the three types that carry an entry of the consensus log. */
export function isEntryType(type: number): boolean {
  return type >= RecordType.Entry && type <= RecordType.ConfChangeV2;
}

export const RECORD_HEADER_BYTES = 48;
/** Records start at multiples of this, so that a scan for headers can step by it. */
export const RECORD_ALIGNMENT = 8;
/** The only raft group, until there are more. */
export const GROUP = 1;
/** Key id 0: the payload is not encrypted. Another one stands in entries of encrypted segments. */
export const NO_KEY = 0;
/** How an entry's payload is written: as the entry room encodes it, or packed. Others have 0. */
export const ENTRY_CODEC = 1;
export const PACKED_CODEC = 2;
export const NO_CODEC = 0;
/** Largest payload of one record, bytes. */
export const MAX_PAYLOAD_BYTES = 64 * 1024 * 1024;

/** Bytes that a record with this payload takes in a segment. */
export function recordBytes(payloadBytes: number): number {
  const end = RECORD_HEADER_BYTES + payloadBytes;
  return end + (-end & (RECORD_ALIGNMENT - 1));
}

/** A record's header. Mutable, so that hot paths can reuse one object. */
export interface RecordHeader {
  payloadBytes: number;
  payloadChecksum: number;
  /** Checksum of the header before it in the segment; the segment's salt for the first one. */
  previous: number;
  /** Where in the segment the batch began that wrote this record. */
  batchOffset: number;
  type: number;
  codec: number;
  group: number;
  key: number;
  index: number;
  term: number;
  /** CRC-32C of the header, seeded with the segment's salt. */
  checksum: number;
}

/** A header to reuse. */
export function emptyHeader(): RecordHeader {
  return {
    payloadBytes: 0,
    payloadChecksum: 0,
    previous: 0,
    batchOffset: 0,
    type: 0,
    codec: 0,
    group: GROUP,
    key: NO_KEY,
    index: 0,
    term: 0,
    checksum: 0,
  };
}

/** Writes all fields and the checksum, which it also leaves in `header.checksum`. */
export function writeHeader(view: DataView, at: number, header: RecordHeader, salt: number): void {
  view.setUint32(at + 4, header.payloadBytes, true);
  view.setUint32(at + 8, header.payloadChecksum, true);
  view.setUint32(at + 12, header.previous, true);
  view.setUint32(at + 16, header.batchOffset, true);
  view.setUint8(at + 20, header.type);
  view.setUint8(at + 21, header.codec);
  view.setUint16(at + 22, 0, true);
  view.setUint32(at + 24, header.group, true);
  view.setUint32(at + 28, header.key, true);
  setUint64(view, at + 32, header.index);
  setUint64(view, at + 40, header.term);
  header.checksum = crc32cIn(view, at + 4, at + RECORD_HEADER_BYTES, salt);
  view.setUint32(at, header.checksum, true);
}

/**
 * Reads a header into `header`; false where the bytes are not a header of the segment with this
 * salt. The payload and the place in the chain are the caller's to check.
 */
export function readHeader(
  view: DataView,
  at: number,
  header: RecordHeader,
  salt: number,
): boolean {
  const checksum = view.getUint32(at, true);
  if (checksum !== crc32cIn(view, at + 4, at + RECORD_HEADER_BYTES, salt)) return false;
  header.checksum = checksum;
  header.payloadBytes = view.getUint32(at + 4, true);
  header.payloadChecksum = view.getUint32(at + 8, true);
  header.previous = view.getUint32(at + 12, true);
  header.batchOffset = view.getUint32(at + 16, true);
  header.type = view.getUint8(at + 20);
  header.codec = view.getUint8(at + 21);
  header.group = view.getUint32(at + 24, true);
  header.key = view.getUint32(at + 28, true);
  header.index = getUint64(view, at + 32);
  header.term = getUint64(view, at + 40);
  return true;
}

/** Whether the payload of the entry whose header is at a place is stored as it was saved. */
export function isPlainAt(view: DataView, at: number): boolean {
  return view.getUint8(at + 21) === ENTRY_CODEC && view.getUint32(at + 28, true) === NO_KEY;
}

/** Why this version cannot read a record that is sound; null where it can. */
export function whyUnsupported(header: RecordHeader): string | null {
  if (isPlainEntry(header)) return null;
  if (kindOf(header.type) === undefined) return `record type ${header.type} is unknown`;
  if (!isCodecOf(header.type, header.codec)) return `codec ${header.codec} is unknown`;
  if (header.group !== GROUP) return `raft group ${header.group} is unknown`;
  // Which key the entries of a segment have is said by the segment's header.
  const isPlain = header.key === NO_KEY || isEntryType(header.type);
  return isPlain ? null : `encryption key ${header.key} is unknown`;
}

/** What nearly all records are. */
function isPlainEntry({ type, codec, group, key }: RecordHeader): boolean {
  return type === RecordType.Entry && codec === ENTRY_CODEC && group === GROUP && key === NO_KEY;
}

function isCodecOf(type: number, codec: number): boolean {
  if (!isEntryType(type)) return codec === NO_CODEC;
  return codec === ENTRY_CODEC || (codec === PACKED_CODEC && type === RecordType.Entry);
}
