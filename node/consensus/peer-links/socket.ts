import type { PeerIdentity } from '@lithair/crds/identity';
import type { PeerAddress } from '../ports.ts';
import type { Channel } from './types.ts';

/** What a socket tells its owner. */
export interface SocketHandler {
  onData(chunk: Buffer): void;
  /** Once; null: the other side ended it. */
  onClose(reason: string | null): void;
}

/**
 * A byte stream to a process whose identity is proven: in order, without loss until it breaks.
 * Over TLS in a node; a simulator brings its own.
 */
export interface PeerSocket {
  /** Bytes written and not yet taken by the network. */
  readonly queuedBytes: number;
  /** To be called once, in the turn in which the socket was given; nothing is heard before. */
  start(handler: SocketHandler): void;
  /** Takes a frame. What is written in one turn leaves together. */
  write(bytes: Uint8Array): void;
  /** Resolves once it takes more, or was closed; at once where it does. */
  drained(): Promise<void>;
  pause(): void;
  resume(): void;
  /** Sends what was written, then ends. */
  end(): void;
  /** Ends at once. `onClose` may follow or not. */
  destroy(): void;
}

/** Takes a connection whose certificate was verified and whose identity is known. */
export type SocketTaker = (socket: PeerSocket, identity: PeerIdentity) => void;

/** The network as peer links see it: they dial members, and are dialled by them. */
export interface PeerNetwork {
  /**
   * Dials a member; `onConnected` runs once it has proven to be the one that is meant.
   *
   * @throws Error where its address is none
   */
  connect(peer: PeerAddress, channel: Channel, onConnected: () => void): PeerSocket;
  /** From now on, connections of members are handed over. */
  accept(taker: SocketTaker): void;
}
