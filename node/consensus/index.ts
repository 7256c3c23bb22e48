/**
 * Drives the consensus core over disk, network and state machine: proposals, linearizable reads,
 * forwarding to the leader, snapshots, and the links between members.
 */
export { Consensus } from './consensus.ts';
export type { ConsensusDependencies } from './dependencies.ts';
export { ConsensusError, type ConsensusErrorCode, PeerRequestError, WireError } from './errors.ts';
export type { Execute } from './forwarder.ts';
export { foundCluster } from './found.ts';
export type { LeadershipEvent } from './leadership.ts';
export { type ConsensusOptions, DEFAULT_CONSENSUS_OPTIONS } from './options.ts';
export {
  type ConnectionTaker,
  type LinkLimits,
  type LocalMember,
  type MemberTable,
  type PeerLinksOptions,
  PeerListener,
  parseAddress,
  peerIdentityError,
  secureOptions,
  type TlsMaterial,
  TlsPeerTransport,
} from './peer-links/index.ts';
export type {
  AppliedEntry,
  PeerAddress,
  PeerHandler,
  PeerTransport,
  ReplicatedLog,
  RequestKind,
  RestoreState,
  StateMachine,
  StateSummary,
} from './ports.ts';
export type { Proposed } from './proposals.ts';
