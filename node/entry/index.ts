/**
 * The entry room: what a raft entry of this project carries, and its form in bytes (codec 1 of
 * the log's record header) and the shorter one in which a log may keep it (codec 2). Pure. Readers and writers of bytes are shared with snapshots.
 */
export { ByteReader } from './byte-reader.ts';
export { ByteWriter } from './byte-writer.ts';
export {
  decodeEntry,
  encodeEntry,
  isActivation,
  neededApplyVersion,
  packEntry,
  readColdObject,
  readDigests,
  readMember,
  unpackEntry,
  writeColdObject,
  writeDigests,
  writeMember,
} from './codec.ts';
export { EntryError, type EntryErrorCode } from './errors.ts';
export { PlainWrite } from './plain-write.ts';
export {
  COUNTER_LIMIT,
  compareStamps,
  nextStamp,
  STAMP_MEMBER_LIMIT,
  type Stamp,
} from './stamp.ts';
export {
  type ActivateEntry,
  APPLY_VERSION,
  type ApplyVersionEntry,
  type Change,
  type ColdEntry,
  type ColdObject,
  type CompactEntry,
  type Entry,
  type EntryActor,
  type GenerationDigest,
  isPut,
  type LocalChange,
  type LocalWrite,
  type LocalWritesEntry,
  MAX_CHANGES,
  type MemberEntry,
  type MemberRemovalEntry,
  OLDEST_APPLY_VERSION,
  type PutChange,
  type RowChange,
  type SchemaEntry,
  type WriteEntry,
} from './types.ts';
