/**
 * Drives the consensus core over disk, network and state machine: proposals, linearizable reads,
 * forwarding to the leader, snapshots, and the links between members.
 */
export { Consensus } from './consensus.ts';
export { ConsensusError } from './errors.ts';
export { foundCluster } from './found.ts';
export type { LeadershipEvent } from './leadership.ts';
export type { ConsensusOptions } from './options.ts';
export {
  type Channel,
  type FinalRefusal,
  LinkTransport,
  type MemberTable,
  PeerListener,
  type PeerNetwork,
  type PeerSocket,
  parseAddress,
  peerIdentityError,
  type SocketHandler,
  type SocketTaker,
  secureOptions,
  type TlsMaterial,
  TlsPeerNetwork,
} from './peer-links/index.ts';
export type {
  AppliedEntry,
  PeerAddress,
  PeerHandler,
  PeerTransport,
  StateChunks,
  StateMachine,
} from './ports.ts';
export type { EarlyStage, Proposed } from './proposals.ts';
export { FrameKind } from './wire/index.ts';
