/**
 * The contract between the parts that never import each other: the operator, the node and the CLI.
 * Names, ports and admin API shapes live here once.
 */

/** Ports inside a container; on a laptop ops and peer ports follow the API port by these offsets. */
export const API_PORT = 8080;
export const OPS_PORT_OFFSET = 1000;
export const PEER_PORT_OFFSET = 2000;

/** ALPN protocol ids that tell raft frames and the HTTP admin API apart on the peer port. */
export const RAFT_ALPN = 'lithair-raft/1';
export const ADMIN_ALPN = 'http/1.1';

/** File names in a `--peer-tls` directory. */
export const CA_CERTIFICATE_FILE = 'ca.crt';
export const MEMBER_CERTIFICATE_FILE = 'tls.crt';
export const MEMBER_KEY_FILE = 'tls.key';

export type MemberRole = 'leader' | 'follower' | 'candidate' | 'learner';

/** One member as the replicated member table and the leader's progress tracker know it. */
export interface MemberStatus {
  readonly id: number;
  readonly name: string;
  readonly role: 'voter' | 'learner';
  /** `host:port` of its peer listener. */
  readonly address: string;
  /** Highest log index known to be on its disk; null where this node is not the leader. */
  readonly match: number | null;
  /** Entries behind the leader's last index; null where this node is not the leader. */
  readonly lag: number | null;
  /** Absent where it has none. */
  readonly region?: string;
  /** Bytes of the log that it lacks, about; null where this node is not the leader. */
  readonly lagBytes?: number | null;
  /** How long it has lacked the oldest entry that it lacks, about; null as above. */
  readonly lagMs?: number | null;
  /** Why a learner that has caught up and is meant to vote has no vote yet, as the leader found. */
  readonly heldBack?: string;
}

/** Versions of what apply means that a binary can take part in. */
export interface ApplyVersions {
  readonly oldest: number;
  readonly latest: number;
}

/** The disk that holds a member's data directory; bytes. */
export interface StorageStatus {
  readonly freeBytes: number;
  readonly totalBytes: number;
  /** Below so many free bytes the member refuses writes while it leads. */
  readonly reserveBytes: number;
  readonly low: boolean;
}

/** A model change that is decided and not in force: the indexes that it needs are being built. */
export interface ModelChangeStatus {
  readonly schemaVersion: number;
  readonly schemaFingerprint: string;
  /** Rows that they have taken in on this member, of so many. */
  readonly prepared: number;
  readonly total: number;
}

/** Writes of eventual models that a member took by itself. */
export interface OutboxStatus {
  /** Not ordered yet: lost with the disk. */
  readonly writes: number;
  readonly bytes: number;
  /** How long the oldest of them waits; 0 for none. */
  readonly oldestMs: number;
  /** Since the start of the process, of any member: lost to a later write. */
  readonly conflicts: number;
  /** Likewise: not allowed any more by the model when they were ordered. */
  readonly unfit: number;
}

/** Answer of `GET /_cluster/status` (ops port) and `GET /_admin/status` (peer port). */
export interface ClusterStatus {
  readonly clusterId: string;
  readonly epoch: number;
  readonly memberId: number;
  readonly name: string;
  readonly role: MemberRole;
  /** Absent where it has none. */
  readonly region?: string;
  /** Member id of the leader this node follows, 0 where it knows none. */
  readonly leader: number;
  readonly term: number;
  readonly commit: number;
  readonly applied: number;
  /** Where its log ends; entries behind `commit` may or may not be acknowledged. */
  readonly logEnd?: LogEnd;
  /** What apply means in the whole cluster: the version in force. */
  readonly applyVersion: number;
  /** What this member can take part in. */
  readonly applyVersions?: ApplyVersions;
  readonly schemaVersion: number;
  /** Fingerprint (sha256, hex) of the canonical schema in force. */
  readonly schemaFingerprint: string;
  /** Null where there is none; an older member does not have it. */
  readonly modelChange?: ModelChangeStatus | null;
  readonly ready: boolean;
  readonly version: string;
  /** Null where the disk does not tell; an older member does not have it. */
  readonly storage?: StorageStatus | null;
  /** Null where the member was given no keys; an older member does not have it. */
  readonly encryption?: EncryptionStatus | null;
  /** Null while it has none; an older member does not have it. */
  readonly outbox?: OutboxStatus | null;
  readonly members: readonly MemberStatus[];
}

/** How the files of a member are encrypted. Key 0 stands for no encryption. */
export interface EncryptionStatus {
  /** The newest key, which new files get where a model asks for encryption. */
  readonly activeKey: number;
  /**
   * The keys that the member holds. `check` is the same on members that hold the same key by that
   * id, as a cold store of encrypted models needs; an older member does not have it.
   */
  readonly keys?: readonly { readonly id: number; readonly check: string }[];
  /**
   * Segments, snapshots, archives, cold objects, and the key of encrypted fields, by their keys. A key
   * that is not here is not needed here.
   */
  readonly files: readonly { readonly key: number; readonly count: number }[];
  /** Files that are still to be written anew: with the newest key, or in plain. */
  readonly pending: number;
}

/** Where a member's log ends. */
export interface LogEnd {
  readonly index: number;
  readonly term: number;
}

/** Body of `POST /_admin/promote-region`. */
export interface PromoteRegionRequest {
  /** The region of the member that is asked. */
  readonly region: string;
  /** `CLUSTERID/EPOCH` of the cluster that is given up; without it, nothing is changed. */
  readonly confirm?: string;
}

/** Answer of `POST /_admin/promote-region`. */
export interface PromoteRegionResponse {
  readonly result: 'would-promote' | 'promoted';
  readonly clusterId: string;
  /** The epoch that is given up; the next one begins with this member alone. */
  readonly epoch: number;
  readonly memberId: number;
  /** The last entry that is kept, and the log time up to which the state goes (epoch ms). */
  readonly index: number;
  readonly logTimeMs: number;
  /** The last entry that this member knows to have been acknowledged by a quorum. */
  readonly commit: number;
  /** Milliseconds since a voter was heard; null: not since this process began. */
  readonly heardMs: number | null;
  /** Names of the members that are left behind. */
  readonly left: readonly string[];
}

/** A member that has no disk yet answers `GET /_admin/status` with 503 and this body. */
export interface WaitingStatus {
  readonly waiting: true;
  readonly name: string;
  readonly version: string;
}

/** Body of `POST /_admin/members`. */
export interface AddMemberRequest {
  readonly name: string;
  readonly address: string;
  /** Identity of the disk that will hold this member; an id is never reused with another disk. */
  readonly diskUuid: string;
  /** A `voter` joins as a learner and is promoted by the leader when it has caught up. */
  readonly role: 'voter' | 'learner';
  /** The region that it is in; absent for none. */
  readonly region?: string;
  /** What its binary can take part in; a cluster at another version refuses it. */
  readonly applyVersions?: ApplyVersions;
}

/** Answer of `POST /_admin/members`. */
export interface AddMemberResponse {
  readonly clusterId: string;
  readonly epoch: number;
  readonly memberId: number;
}

/** Answer of `PUT /_admin/model` (also with `?dryRun=true`). A refusal is a problem+json 409 or 422. */
export interface ModelChangeResponse {
  /** `preparing`: decided, and in force once the indexes that it needs are built; ask again. */
  readonly result: 'unchanged' | 'applied' | 'preparing' | 'would-apply';
  readonly schemaVersion: number;
  readonly changes: readonly string[];
}
