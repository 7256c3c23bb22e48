import type { LithairModelSpec } from '@lithair/crds';
import type { TraceOptions } from './telemetry/index.ts';

/** A member that the cluster is first made of. */
export interface InitialMember {
  readonly name: string;
  /** `host:port` of its peer listener. */
  readonly address: string;
}

/** Everything a node is started with. */
export interface NodeOptions {
  /** The member's name, which its certificate must carry. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly opsPort: number;
  readonly peerHost: string;
  readonly peerPort: number;
  readonly dataDir: string;
  /** Directory with ca.crt, tls.crt and tls.key of this member. */
  readonly peerTlsDir: string;
  readonly spec: LithairModelSpec;
  /** The operator decides on model changes: the file counts only when a cluster begins. */
  readonly managed: boolean;
  /** File of keys for what is encrypted at rest; null for none. */
  readonly keysFile: string | null;
  /** Directory with the files `id` and `bootstrapped`; null outside of Kubernetes. */
  readonly clusterDir: string | null;
  /** Directory of the secrets that the model names; null: there are none. */
  readonly secretsDir: string | null;
  /** Where traces go, before what the environment says. */
  readonly traces: TraceOptions;
  /** Bytes of the disk to keep free of writes; null: 512 MiB, or a tenth of a smaller disk. */
  readonly freeSpaceReserveBytes: number | null;
  /** What snapshots for other members may take of the network; absent: the usual bound. */
  readonly snapshotBytesPerSecond?: number;
  /** What it joins as; a learner has no vote and keeps none until somebody promotes it. */
  readonly role: 'voter' | 'learner';
  /** The apply version that it takes part up to; null for the latest that there is. */
  readonly applyVersion: number | null;
  /** The region that it is in; null for none. */
  readonly region: string | null;
  /** In order: the first may bootstrap, once. Contains this member. */
  readonly initialCluster: readonly InitialMember[];
}
