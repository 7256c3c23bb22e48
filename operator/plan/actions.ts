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
}
