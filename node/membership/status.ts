import type {
  ApplyVersions,
  ClusterStatus,
  EncryptionStatus,
  LogEnd,
  MemberRole,
  MemberStatus,
  ModelChangeStatus,
  OutboxStatus,
  StorageStatus,
} from '@lithair/crds/contract';
import { type ConfState, StateType, type Status } from 'etcd-raft-ts';
import type { MemberRecord } from '../ports/index.ts';
import type { Lag } from './lag.ts';
import type { MemberView } from './view.ts';

const UNKNOWN = { bytes: null, ms: null };

/** What a node knows about itself besides the replicated state. */
export interface NodeInfo {
  readonly name: string;
  /** Of the program. */
  readonly version: string;
  /** What this member can take part in. */
  readonly applyVersions: ApplyVersions;
  /** The apply version in force; 0 while it is not known. */
  readonly applyVersion: () => number;
  /** The disk as measured last; null where it does not tell. */
  readonly storage: () => StorageStatus | null;
  /** How the files here are encrypted; null where there are no keys. */
  readonly encryption: () => EncryptionStatus | null;
  /** Writes that it took by itself; null while it has no outbox. */
  readonly outbox: () => OutboxStatus | null;
  /** What a member lacks that holds everything up to an index. */
  readonly behind: (match: number) => Lag;
  /** Why this leader gave a learner no vote that is meant to have one; null where it did not refuse. */
  readonly heldBack: (id: number) => string | null;
  readonly logEnd: () => LogEnd;
  /** What is decided and not in force yet. */
  readonly modelChange: () => ModelChangeStatus | null;
}

/** The status of this member; null while it has no state. */
export function clusterStatus(view: MemberView, info: NodeInfo): ClusterStatus | null {
  const { state } = view;
  if (state === null) return null;
  const status = view.status();
  const region = state.members().find(({ id }) => id === view.memberId)?.region;
  return {
    clusterId: state.clusterId,
    epoch: state.epoch,
    memberId: view.memberId,
    name: info.name,
    role: roleOf(status, view.confState),
    ...(region !== undefined && { region }),
    leader: view.leader,
    term: status.term,
    commit: status.commit,
    applied: view.applied,
    logEnd: info.logEnd(),
    applyVersion: info.applyVersion(),
    applyVersions: info.applyVersions,
    schemaVersion: state.schemaVersion,
    schemaFingerprint: state.schemaFingerprint,
    modelChange: info.modelChange(),
    ready: view.caughtUp,
    version: info.version,
    storage: info.storage(),
    encryption: info.encryption(),
    outbox: info.outbox(),
    members: memberStatuses(state.members(), status, view.confState, info),
  };
}

/** All members; how far they are is known only where this member leads. */
export function memberStatuses(
  members: readonly MemberRecord[],
  status: Status,
  confState: ConfState,
  { behind, heldBack }: Pick<NodeInfo, 'behind' | 'heldBack'>,
): MemberStatus[] {
  return [...members]
    .sort((a, b) => a.id - b.id)
    .map(({ id, name, address, region }) => {
      const match = status.progress.get(id)?.match ?? null;
      const lag = match === null ? null : status.lastIndex - match;
      const { bytes: lagBytes, ms: lagMs } = match === null ? UNKNOWN : behind(match);
      const role = isVoter(confState, id) ? 'voter' : 'learner';
      const why = role === 'learner' ? heldBack(id) : null;
      return {
        id,
        name,
        role,
        address,
        match,
        lag,
        lagBytes,
        lagMs,
        ...(region !== undefined && { region }),
        ...(why !== null && { heldBack: why }),
      };
    });
}

/** Whether a member has a vote, in either half of a joint configuration. */
export function isVoter(confState: ConfState, id: number): boolean {
  return confState.voters.includes(id) || confState.votersOutgoing.includes(id);
}

function roleOf(status: Status, confState: ConfState): MemberRole {
  if (status.raftState === StateType.Leader) return 'leader';
  if (!isVoter(confState, status.id)) return 'learner';
  return status.raftState === StateType.Follower ? 'follower' : 'candidate';
}
