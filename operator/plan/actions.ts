import type { Kind, KubeObject } from '../kubernetes/index.ts';

/**
 * One step towards what is wanted. Identities (authority, cluster id) are created and never applied
 * over: a stale cache must not be able to replace one.
 */
export type Action =
  | { readonly do: 'setFinalizers'; readonly finalizers: readonly string[] }
  | { readonly do: 'createClusterId'; readonly object: KubeObject }
  | { readonly do: 'patchClusterId'; readonly name: string; readonly patch: ClusterIdPatch }
  | { readonly do: 'createAuthority' }
  | {
      readonly do: 'issueCertificates';
      /** Everyone who is to have one. */
      readonly members: readonly string[];
      /** Those of them who get a new one. */
      readonly due: readonly string[];
    }
  | {
      readonly do: 'apply';
      readonly object: KubeObject;
      /** Whether the object was seen; one that was not may still be there and be somebody else's. */
      readonly seen: boolean;
    }
  | {
      readonly do: 'labelLeader';
      readonly pod: string;
      readonly uid: string;
      readonly leader: boolean;
    }
  | {
      /** Hands leadership over, away from the pod `from`. */
      readonly do: 'transferLeadership';
      readonly from: string;
      readonly to: number;
    }
  | { readonly do: 'removeMember'; readonly id: number; readonly name: string }
  | { readonly do: 'promoteMember'; readonly id: number; readonly name: string }
  | {
      /** Its StatefulSet makes a new one, from the present template. */
      readonly do: 'replacePod';
      readonly pod: string;
      readonly uid: string;
    }
  | {
      /** Writes on a volume claim which member is on it, before that one is removed. */
      readonly do: 'markVolume';
      readonly name: string;
      readonly uid: string;
      readonly removedMember: number;
    }
  | { readonly do: 'deleteVolume'; readonly name: string; readonly uid: string }
  | {
      readonly do: 'delete';
      readonly kind: Kind;
      readonly name: string;
      readonly uid: string;
    };

/** What may change in the ConfigMap of an identity: never the id. */
export interface ClusterIdPatch {
  readonly uid: string;
  readonly bootstrapped: boolean;
  readonly topology: string;
  /** List of those who vote, for members that start. */
  readonly members: string;
}
