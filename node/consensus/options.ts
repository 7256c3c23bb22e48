/** How a member takes part. Times are milliseconds, sizes bytes. */
export interface ConsensusOptions {
  /** One tick of the core; also the interval of a leader's heartbeats. */
  readonly tickMs: number;
  /** A follower that hears nothing for one to two times as many ticks campaigns. */
  readonly electionTicks: number;
  readonly heartbeatTicks: number;
  /** Most proposals in one append. */
  readonly batchSize: number;
  readonly maxAppendBytes: number;
  /** Longest entry; must fit into a record of the log and into a frame of a peer link. */
  readonly maxEntryBytes: number;
  /** Appends under way to one follower. */
  readonly maxInflightAppends: number;
  readonly maxInflightBytes: number;
  /** Proposals taken and not yet applied; above either bound, new ones are refused. */
  readonly maxPendingProposals: number;
  readonly maxPendingBytes: number;
  /** Applied entries between two snapshots. */
  readonly snapshotEvery: number;
  /** Entries kept behind a snapshot, so that a slow follower needs none. */
  readonly snapshotTail: number;
  /** What snapshots may take of the network, all that are being sent together. */
  readonly snapshotBytesPerSecond: number;
  /** Applying yields to the event loop after so long. */
  readonly applySliceMs: number;
  /** A read index that was not confirmed for so long is asked for again. */
  readonly readAttemptMs: number;
}

export const DEFAULT_CONSENSUS_OPTIONS: ConsensusOptions = {
  tickMs: 50,
  electionTicks: 6,
  heartbeatTicks: 1,
  batchSize: 100,
  maxAppendBytes: 1024 * 1024,
  maxEntryBytes: 32 * 1024 * 1024,
  maxInflightAppends: 256,
  maxInflightBytes: 16 * 1024 * 1024,
  maxPendingProposals: 10_000,
  maxPendingBytes: 64 * 1024 * 1024,
  snapshotEvery: 100_000,
  snapshotTail: 10_000,
  snapshotBytesPerSecond: 64 * 1024 * 1024,
  applySliceMs: 4,
  readAttemptMs: 200,
};
