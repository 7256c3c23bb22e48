/** What a node is made of, and what it is put into: the vocabulary of the composition. */
import type { Compression } from './archive/index.ts';
import type { ReadSecret } from './auth/index.ts';
import type { KnownCluster } from './cluster-directory.ts';
import type { openColdStore } from './cold/index.ts';
import type { Consensus, ConsensusOptions, PeerNetwork } from './consensus/index.ts';
import type { MasterKeys } from './encryption/index.ts';
import type { HistoryLimits } from './history-keeper.ts';
import type { Admit, createApi } from './http/index.ts';
import type { FileSystem, LogOptions } from './log/index.ts';
import type { AdminHandler, InitialPeer } from './membership/index.ts';
import type { InitialMember, NodeOptions } from './options.ts';
import type { OutboxLimits } from './outbox/index.ts';
import type { Clock, Logger, Random } from './ports/index.ts';
import type { ApplyResult, ReplicatedState, StateOptions } from './state/index.ts';
import type { Tracer } from './telemetry/index.ts';
import type { MessageObserver } from './watched-transport.ts';

export type NodeConsensus = Consensus<ApplyResult, ReplicatedState>;
export type NodeApi = ReturnType<typeof createApi>;

/** What a node is started with, apart from where it listens. */
export type CoreOptions = Pick<
  NodeOptions,
  | 'name'
  | 'dataDir'
  | 'spec'
  | 'managed'
  | 'initialCluster'
  | 'freeSpaceReserveBytes'
  | 'snapshotBytesPerSecond'
  | 'role'
  | 'applyVersion'
  | 'region'
> & {
  /** Other bounds than the usual ones. */
  readonly consensus?: Partial<ConsensusOptions>;
  readonly log?: LogOptions;
  readonly history?: Partial<HistoryLimits>;
  readonly outbox?: Partial<OutboxLimits>;
  readonly state?: Pick<StateOptions, 'preparedRows'>;
};

/** The disk, the clocks and the chances of a node. */
export interface CoreWorld {
  readonly fs: FileSystem;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly version: string;
  /** Master keys for what is encrypted at rest; default none. */
  readonly keys?: MasterKeys | null;
  /** How archives are made small; default at once, so that events come in one order. */
  readonly compression?: Compression;
  /** Opens the cold store that a model declares; default the real one. */
  readonly openStore?: typeof openColdStore;
  /** Runs a callback after the events of this turn of the event loop; default setImmediate. */
  readonly defer?: (callback: () => void) => void;
  /** Begins small batches of the log; default at the end of the present callback, or `defer`. */
  readonly hurry?: (start: () => void) => void;
  /** The secrets that the model names; default: there are none. */
  readonly readSecret?: ReadSecret;
  /** Records requests to models that are traced; the node closes it. */
  readonly tracer: Tracer;
  /** Gauges of the process, too. */
  readonly processMetrics: boolean;
}

/** The bound on snapshots for others, where one was given. */
export function rateOf({ snapshotBytesPerSecond }: CoreOptions): Partial<ConsensusOptions> {
  return snapshotBytesPerSecond === undefined ? {} : { snapshotBytesPerSecond };
}

/** How a node is reached, and how it reaches others. */
export interface NodeNetwork {
  /** First step for every request of a client. */
  readonly admit: Admit;
  /** Opens the API port and the ops port. */
  serveApi(api: NodeApi): Promise<void>;
  /** Opens the peer port, for peer links and for administrative requests. */
  servePeers(admin: AdminHandler): Promise<PeerNetwork>;
  /** The admin API of another initial member. */
  peer(member: InitialMember): InitialPeer;
  /** What somebody who outlives the members knows of their cluster; null where there is nobody. */
  knownCluster(): Promise<KnownCluster | null>;
  /** Takes no new requests of clients from now on. */
  drain(): void;
  close(): Promise<void>;
}

/** Whoever looks on, synchronously. It must change nothing. */
export interface NodeObserver extends MessageObserver {
  /** A state that was restored from a snapshot; a founder too begins with one. */
  onState?(state: ReplicatedState): void;
  onApplied?(index: number, state: ReplicatedState): void;
}
