import type { Clock, Logger, Random } from '../ports/index.ts';
import type { Execute } from './forwarder.ts';
import type { ConsensusOptions } from './options.ts';
import type {
  AppliedEntry,
  PeerTransport,
  ReplicatedLog,
  RestoreState,
  StateChunks,
  StateMachine,
} from './ports.ts';

/** What a consensus is made of. */
export interface ConsensusDependencies<
  Result extends AppliedEntry,
  State extends StateMachine<Result>,
> {
  readonly memberId: number;
  readonly log: ReplicatedLog;
  readonly transport: PeerTransport;
  /** Restored from the log's snapshot; null for a member that waits for its first one. */
  readonly state: State | null;
  readonly restore: RestoreState<State>;
  /** Answers another member that asks for archives. */
  readonly serveArchive: (request: Uint8Array) => Promise<Uint8Array>;
  /** Orders writes that another member took by itself, on the leader. */
  readonly serveOutbox: (from: number, request: Uint8Array) => Promise<Uint8Array>;
  /** Executes a command on the leader: decides, proposes, awaits. */
  readonly execute: Execute;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Runs a callback after the events of this turn of the event loop; default setImmediate. */
  readonly defer?: (callback: () => void) => void;
  readonly options?: Partial<ConsensusOptions>;
  /** Hears of a state that is in the current snapshot, written here. */
  readonly onSnapshot?: (chunks: StateChunks) => void;
  /** The log or the state machine failed: nothing is acknowledged any more, the process must end. */
  readonly onFailure: (error: Error) => void;
  /** Called for every applied entry, in order, synchronously. */
  readonly onApplied?: (index: number, result: Result) => void;
}
