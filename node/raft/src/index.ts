/**
 * The Raft consensus algorithm as a pure state machine, after the paper "In Search
 * of an Understandable Consensus Algorithm" (Ongaro and Ousterhout, 2014), Ongaro's
 * thesis "Consensus: Bridging Theory and Practice", and go.etcd.io/raft v3.7, whose
 * public behaviour it follows. Start with {@link RawNode}.
 */
export type { CodecErrorCode } from './codec/index.ts';
export {
  CodecError,
  decodeConfChange,
  decodeConfChangeV2,
  decodeConfState,
  decodeEntry,
  decodeHardState,
  decodeMessage,
  encodeConfChange,
  encodeConfChangeV2,
  encodeConfState,
  encodeEntry,
  encodeHardState,
  encodeMessage,
} from './codec/index.ts';
export { LEAVE_JOINT } from './confchange/index.ts';
export type { Config } from './config.ts';
export { ConfigError, ReadOnlyOption } from './config.ts';
export type { EntryFormatter } from './describe.ts';
export {
  describeConfChange,
  describeConfState,
  describeEntries,
  describeEntry,
  describeHardState,
  describeMessage,
  describeReady,
  describeSnapshot,
  describeSoftState,
  describeStatus,
  messageTypeName,
  stateTypeName,
} from './describe.ts';
export type { InvariantErrorCode } from './errors.ts';
export { ConfChangeError, MessageError, RaftInvariantError } from './errors.ts';
export { entriesSize, entrySize } from './log/index.ts';
export type { Logger } from './logger.ts';
export { LogLevel, silentLogger } from './logger.ts';
export { MemoryStorage } from './memory-storage.ts';
export { isLocalMessage, isLocalTarget, isResponseMessage } from './messages.ts';
export { RawNode } from './rawnode.ts';
export type {
  BasicStatus,
  Peer,
  ProgressType,
  ProgressView,
  Ready,
  SnapshotStatus,
  Status,
  StepResult,
} from './ready.ts';
export type { InitialState, Storage, StorageErrorCode } from './storage.ts';
export { StorageError } from './storage.ts';
export type { Configuration, Progress } from './tracker/index.ts';
export { ProgressState } from './tracker/index.ts';
export type {
  ConfChange,
  ConfChangeSingle,
  ConfChangeV2,
  ConfState,
  Entry,
  HardState,
  Message,
  ReadState,
  Snapshot,
  SnapshotMetadata,
  SoftState,
} from './types.ts';
export {
  ConfChangeTransition,
  ConfChangeType,
  EntryType,
  LOCAL_APPEND_THREAD,
  LOCAL_APPLY_THREAD,
  MessageType,
  NO_BYTES,
  NO_LIMIT,
  NONE,
  StateType,
} from './types.ts';
