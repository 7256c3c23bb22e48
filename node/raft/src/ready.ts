import type { Configuration, Progress } from './tracker/index.ts';
import type { Entry, HardState, Message, ReadState, Snapshot, SoftState } from './types.ts';

/**
 * The work that has piled up since the last Ready. The order in which it has to
 * be done is part of the contract; see {@link RawNode.ready}.
 */
export interface Ready {
  /** Set when leader or role changed. */
  readonly softState: SoftState | null;
  /** Set when term, vote or commit changed; to be persisted before messages are sent. */
  readonly hardState: HardState | null;
  /** Answered ReadIndex requests. */
  readonly readStates: readonly ReadState[];
  /** Entries to persist before messages are sent; they replace whatever the log holds from there on. */
  readonly entries: readonly Entry[];
  /** A snapshot to persist and install, in place of the whole log. */
  readonly snapshot: Snapshot | null;
  /** Entries that are committed and ready to be applied. */
  readonly committedEntries: readonly Entry[];
  /** Messages to send; with asyncStorageWrites also those to the local storage threads. */
  readonly messages: readonly Message[];
  /** Whether hardState and entries must be durable, not merely written (Raft thesis, section 3.8). */
  readonly mustSync: boolean;
}

/** The state of a member, cheap enough to be asked for often. */
export interface BasicStatus {
  readonly id: number;
  readonly term: number;
  readonly vote: number;
  readonly commit: number;
  readonly lead: number;
  readonly raftState: SoftState['raftState'];
  readonly applied: number;
  readonly lastIndex: number;
  /** The member that leadership is being handed to, or NONE. */
  readonly leadTransferee: number;
}

/** {@link BasicStatus} with the membership and, on a leader, each member's progress. */
export interface Status extends BasicStatus {
  readonly config: Configuration;
  /** Copies, in order of id; empty unless this member leads. */
  readonly progress: ReadonlyMap<number, Progress>;
}

/** A founder of a group, for {@link RawNode.bootstrap}. */
export interface Peer {
  readonly id: number;
  /** Opaque bytes for the application, in the entry that adds this founder. */
  readonly context?: Uint8Array;
}

/** What a member's progress belongs to: a voter (of either half) or a learner. */
export type ProgressType = 'peer' | 'learner';

/** A member's progress as {@link RawNode.withProgress} shows it: not a copy, so not to be kept. */
export type ProgressView = Readonly<
  Pick<
    Progress,
    | 'isLearner'
    | 'match'
    | 'msgAppFlowPaused'
    | 'next'
    | 'paused'
    | 'pendingSnapshot'
    | 'recentActive'
    | 'state'
  >
>;

/** The fate of a snapshot that the application sent to a follower. */
export type SnapshotStatus = 'finish' | 'failure';

/**
 * What became of a message or request:
 * - `ok`: it was handled (which includes being ignored, as the protocol demands);
 * - `proposal-dropped`: a proposal was not taken; it may be retried, here or elsewhere;
 * - `local-message`: the type never travels over the network, so the peer is wrong;
 * - `peer-not-found`: a response from someone who is not a member.
 */
export type StepResult = 'ok' | 'proposal-dropped' | 'local-message' | 'peer-not-found';
