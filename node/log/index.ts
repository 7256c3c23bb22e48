/**
 * The durable log of a member: segments with group commit, snapshots, the identity and the lock of
 * a data directory. The format is described in docs/storage-format.md.
 */

export { openDataDirectory } from './data-directory.ts';
export * from './errors.ts';
export { readFile, replaceFile, syncFile, writeAt } from './file-steps.ts';
export type * from './file-system.ts';
export { followLog } from './follow.ts';
export {
  createGrowingFile,
  type GrowingFile,
  type GrownBytes,
  hasHole,
  type LooseEnd,
  readGrowingFile,
  readGrowingStart,
} from './growing-file.ts';
export { IDENTITY_NAME } from './identity.ts';
export { Journal, type JournalRecord } from './journal.ts';
export { type KeyUse, type SealedPlace, surveyKeys, surveyPlaces } from './key-survey.ts';
export {
  type CrashKind,
  type Fault,
  MemoryFileSystem,
  type MemoryFileSystemOptions,
  type Operation,
} from './memory-file-system.ts';
export { NodeFileSystem } from './node-file-system.ts';
export type { PayloadCodec } from './payload-codec.ts';
export {
  hasLog,
  type ScannedSnapshot,
  type ScanOptions,
  scanKeys,
  scanLog,
  scanOutbox,
  scanSnapshots,
  verifyLog,
  verifyOutbox,
} from './scan.ts';
export {
  createFile,
  type FileReader,
  type FileWriter,
  openFile,
  type Sealing,
} from './sealed-file.ts';
export { SealedObject, type StoredBytes, sealBytes } from './sealed-object.ts';
export { SNAPSHOT_PURPOSE } from './snapshot-store.ts';
export { type SpaceStatus, SpaceWatch, type SpaceWatchOptions } from './space-watch.ts';
export type * from './types.ts';
