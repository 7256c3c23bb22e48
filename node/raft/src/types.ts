/**
 * The vocabulary of the protocol: log entries, persistent state, messages and
 * configuration changes. Values are plain objects with a fixed shape; whoever
 * receives one treats it as immutable unless a field's comment says otherwise.
 *
 * Terms and indexes are safe integers from 0, member ids are safe integers
 * from 1 (0 means "nobody"). Negative ids name the local storage threads.
 */

/** The id that stands for "no member": no leader known, no vote cast. */
export const NONE = 0;

/**
 * Addressee of `StorageAppend` messages: whoever makes entries, hard state and
 * snapshots durable. Negative, so that it can never collide with a member id.
 */
export const LOCAL_APPEND_THREAD = -1;

/** Addressee of `StorageApply` messages: whoever applies committed entries. */
export const LOCAL_APPLY_THREAD = -2;

/** A limit that is never reached: "unlimited" for every size option. */
export const NO_LIMIT = Number.MAX_SAFE_INTEGER;

/** The one empty byte string, used wherever a field carries no bytes. */
export const NO_BYTES: Uint8Array = new Uint8Array(0);

/**
 * The bytes of the empty entry that takes the place of a refused membership change.
 * It names its type explicitly, which upstream counts towards size limits; known by
 * identity, so that limits cut a log at the same entries.
 */
export const REFUSED_CHANGE: Uint8Array = new Uint8Array(0);

/** What a log entry holds. The numbers are part of the wire and disk formats. */
export const EntryType = {
  /** Opaque bytes of the application; empty for the no-op that opens a term. */
  Normal: 0,
  /** An encoded {@link ConfChange}. */
  ConfChange: 1,
  /** An encoded {@link ConfChangeV2}; empty bytes mean "leave the joint configuration". */
  ConfChangeV2: 2,
} as const;
export type EntryType = (typeof EntryType)[keyof typeof EntryType];

/** One entry of the replicated log (Raft paper, figure 2). */
export interface Entry {
  readonly term: number;
  readonly index: number;
  readonly type: EntryType;
  readonly data: Uint8Array;
}

/** What a member must have on disk before it answers (Raft thesis, section 3.8). */
export interface HardState {
  readonly term: number;
  /** The member voted for in `term`, or {@link NONE}. */
  readonly vote: number;
  readonly commit: number;
}

/** The membership as it is stored in snapshots and handed to the application. */
export interface ConfState {
  readonly voters: readonly number[];
  readonly learners: readonly number[];
  /** Voters of the outgoing half; not empty exactly while the configuration is joint. */
  readonly votersOutgoing: readonly number[];
  /** Outgoing voters that become learners when the joint configuration is left. */
  readonly learnersNext: readonly number[];
  /** Whether the leader leaves the joint configuration without being told to. */
  readonly autoLeave: boolean;
}

/** Where in the log a snapshot stands, and the membership at that point. */
export interface SnapshotMetadata {
  readonly confState: ConfState;
  readonly index: number;
  readonly term: number;
}

/** The application's state at `metadata.index`; `data` is opaque to the core. */
export interface Snapshot {
  readonly data: Uint8Array;
  readonly metadata: SnapshotMetadata;
}

/**
 * The kinds of messages. The numbers are part of the wire format.
 *
 * Local (never sent over the network): Hup, Beat, Unreachable, SnapStatus,
 * CheckQuorum and the four Storage messages.
 */
export const MessageType = {
  /** Start an election. */
  Hup: 0,
  /** Send a heartbeat to everyone. */
  Beat: 1,
  /** Propose `entries`; forwarded by a follower to its leader. */
  Prop: 2,
  /** AppendEntries. */
  App: 3,
  AppResp: 4,
  /** RequestVote. */
  Vote: 5,
  VoteResp: 6,
  /** InstallSnapshot. */
  Snap: 7,
  Heartbeat: 8,
  HeartbeatResp: 9,
  /** The transport could not deliver to `from`. */
  Unreachable: 10,
  /** The fate of a snapshot sent to `from`; `reject` means it failed. */
  SnapStatus: 11,
  /** Step down unless a quorum was heard from within an election timeout. */
  CheckQuorum: 12,
  /** Hand leadership to `from`. */
  TransferLeader: 13,
  /** Campaign now, without waiting for a timeout. */
  TimeoutNow: 14,
  /** Ask for a linearizable read index; the request context is `entries[0].data`. */
  ReadIndex: 15,
  ReadIndexResp: 16,
  PreVote: 17,
  PreVoteResp: 18,
  StorageAppend: 19,
  StorageAppendResp: 20,
  StorageApply: 21,
  StorageApplyResp: 22,
  /** Forget the current leader, so that this member may grant (pre-)votes. */
  ForgetLeader: 23,
} as const;
export type MessageType = (typeof MessageType)[keyof typeof MessageType];

/**
 * One message between members, or between the core and its storage threads.
 * Every field is always present, so that all messages share one shape; a field
 * that a type does not use holds its zero value.
 *
 * A message belongs to whoever received it last: after `RawNode.step(m)` the
 * caller must not change `m`, and what `Ready` hands out is not changed by the
 * core any more.
 */
export interface Message {
  type: MessageType;
  to: number;
  from: number;
  /** The sender's term; 0 on local messages and forwarded requests. */
  term: number;
  /**
   * App: the term of the entry at `index`. Vote: the term of the candidate's last
   * entry. Rejected AppResp: the term at `rejectHint`. StorageAppendResp: the term
   * of the entry at `index`.
   */
  logTerm: number;
  /**
   * App: the entry before `entries`. AppResp: the last entry acknowledged, or the
   * probe refused. Vote: the candidate's last entry. ReadIndexResp: the read index.
   * StorageAppendResp: the last entry that is durable.
   */
  index: number;
  entries: readonly Entry[];
  commit: number;
  /** StorageAppend: the vote to make durable, together with `term` and `commit`. */
  vote: number;
  /** Snap and StorageAppend: the snapshot to install. */
  snapshot: Snapshot | null;
  reject: boolean;
  /** Rejected AppResp: where the follower's log may match the leader's. */
  rejectHint: number;
  context: Uint8Array;
  /**
   * StorageAppend and StorageApply: messages to deliver, in order, once the work
   * is done. Those with `to` equal to the own id go back into `RawNode.step`, the
   * others to the network.
   */
  responses: readonly Message[];
}

/** The kinds of membership change. The numbers are part of the log format. */
export const ConfChangeType = {
  AddNode: 0,
  RemoveNode: 1,
  /** Changes nothing in the core; the application may attach a meaning to it. */
  UpdateNode: 2,
  AddLearnerNode: 3,
} as const;
export type ConfChangeType = (typeof ConfChangeType)[keyof typeof ConfChangeType];

/** How a {@link ConfChangeV2} enters and leaves joint consensus (Raft thesis, section 4.3). */
export const ConfChangeTransition = {
  /** The simple protocol for a single change, joint consensus (left by itself) otherwise. */
  Auto: 0,
  /** Joint consensus, left automatically. */
  JointImplicit: 1,
  /** Joint consensus, left when the application proposes an empty change. */
  JointExplicit: 2,
} as const;
export type ConfChangeTransition = (typeof ConfChangeTransition)[keyof typeof ConfChangeTransition];

/** A change of one member by the simple protocol (Raft thesis, section 4.1). */
export interface ConfChange {
  /** An identifier for the application's own use; 0 when unused. */
  readonly id: number;
  readonly type: ConfChangeType;
  readonly nodeId: number;
  readonly context: Uint8Array;
}

/** One step of a {@link ConfChangeV2}. */
export interface ConfChangeSingle {
  readonly type: ConfChangeType;
  readonly nodeId: number;
}

/** Any number of membership changes that take effect together. */
export interface ConfChangeV2 {
  readonly transition: ConfChangeTransition;
  readonly changes: readonly ConfChangeSingle[];
  /** Opaque bytes for the application, replicated with the change. */
  readonly context: Uint8Array;
}

/** The role of a member (Raft paper, figure 4; PreCandidate: thesis, section 9.6). */
export const StateType = {
  Follower: 0,
  Candidate: 1,
  Leader: 2,
  PreCandidate: 3,
} as const;
export type StateType = (typeof StateType)[keyof typeof StateType];

/** Volatile state worth telling the application about; it is not persisted. */
export interface SoftState {
  /** The leader known to this member, or {@link NONE}. */
  readonly lead: number;
  readonly raftState: StateType;
}

/** An answered ReadIndex request (Raft thesis, section 6.4). */
export interface ReadState {
  /** A read may be served once the application has applied up to this index. */
  readonly index: number;
  /** The context passed to `RawNode.readIndex`. */
  readonly requestCtx: Uint8Array;
}
