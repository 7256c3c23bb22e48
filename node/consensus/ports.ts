import type { Message } from 'etcd-raft-ts';
import type { Log, SnapshotPart, SnapshotStream } from '../log/index.ts';
import type { MemberRecord, StateReader } from '../ports/index.ts';

/** What consensus needs of the log room. */
export type ReplicatedLog = Pick<
  Log,
  | 'initialState'
  | 'recovery'
  | 'entries'
  | 'changesMembership'
  | 'term'
  | 'firstIndex'
  | 'lastIndex'
  | 'snapshot'
  | 'save'
  | 'onFailure'
  | 'writeSnapshot'
  | 'readSnapshot'
  | 'openSnapshotStream'
  | 'receiveSnapshot'
  | 'receivedPart'
  | 'compact'
>;

/** What the state machine tells about itself. */
export type StateSummary = Pick<
  StateReader,
  'clusterId' | 'epoch' | 'schemaVersion' | 'schemaFingerprint' | 'appliedIndex'
>;

/** What applying an entry gives; all that consensus looks at is whether a member change was refused. */
export interface AppliedEntry {
  readonly kind: string;
  readonly outcome?: { readonly kind: string };
}

/**
 * The replicated state machine, as consensus sees it: entries go in, in order, each exactly once.
 * `apply` is synchronous and pure; an exception from it is a bug and stops the member.
 */
export interface StateMachine<Result extends AppliedEntry> extends StateSummary {
  /** Applies one committed entry; empty data is the no-op of a new term. */
  apply(index: number, term: number, data: Uint8Array): Result;
  /**
   * Does a slice of what must come before this data is applied, true once there is nothing left. An
   * entry waits so long, and applying goes on behind it later; most need nothing.
   */
  readyFor(data: Uint8Array): boolean;
  /**
   * Applies what a membership change carries for the member table. A result of kind `member` whose
   * outcome is `rejected` keeps the change from taking effect at all.
   */
  applyMember(index: number, term: number, context: Uint8Array): Result;
  members(): readonly MemberRecord[];
  /** The id that the next member gets; greater than that of any member there ever was. */
  readonly nextMemberId: number;
  /** The state as it stands now, serialized lazily while later entries are applied. */
  snapshot(): StateChunks;
}

/** A state on its way into a snapshot; keeps memory until it is read to its end or released. */
export interface StateChunks extends Iterable<Uint8Array> {
  release?(): void;
}

/** Builds a state machine from the chunks of a snapshot. */
export type RestoreState<State> = (chunks: AsyncIterable<Uint8Array>) => Promise<State>;

/** Where a peer is found and what it must prove to be. */
export interface PeerAddress {
  readonly id: number;
  readonly name: string;
  /** `host:port`; resolved at each connection attempt. */
  readonly address: string;
  /** Where else it may be, tried in turn; absent where only one place is known. */
  readonly otherAddress?: string;
  readonly diskUuid: string;
}

/** What may be asked of another member. */
export type RequestKind = 'command' | 'admin' | 'archive' | 'outbox';

/** The network between members, as consensus sees it. Delivery is best effort and in order. */
export interface PeerTransport {
  /** Must be called once, before anything is sent. */
  start(handler: PeerHandler): void;
  /** The whole member table without this member; links to others are given up. */
  setPeers(peers: readonly PeerAddress[]): void;
  /** Hands a message over; where it cannot be sent, it is dropped and `unreachable` is told. */
  send(to: number, message: Message): void;
  /**
   * Asks a member something.
   *
   * @throws PeerRequestError where no answer came
   */
  request(to: number, kind: RequestKind, body: Uint8Array, timeoutMs: number): Promise<Uint8Array>;
  /**
   * Sends a Snap message and its content on a stream of their own, from where an earlier attempt
   * broke off; resolves once it was taken.
   */
  sendSnapshot(to: number, message: Message, content: SnapshotContent): Promise<void>;
  close(): Promise<void>;
}

/** A snapshot to send. */
export type SnapshotContent = Pick<SnapshotStream, 'identity' | 'from'>;

/** What arrives from the network. */
export interface PeerHandler {
  message(from: number, message: Message): void;
  /** A rejection is reported to the asker as `sent`: its effect is unknown. */
  request(from: number, kind: RequestKind, body: Uint8Array): Promise<Uint8Array>;
  /** What is here of a snapshot that broke off on its way; null for nothing. */
  snapshotPart(): SnapshotPart | null;
  /** @param offset where the chunks begin: 0, or where that part ends */
  snapshot(
    from: number,
    message: Message,
    chunks: AsyncIterable<Uint8Array>,
    offset: number,
  ): Promise<void>;
  /** A message to `to` was lost. */
  unreachable(to: number): void;
  /** The connection to a member broke, and it takes no new one: most likely its process ended. */
  gone(id: number): void;
}
