/** Everything that may know which cluster this is. */
export interface IdentitySources {
  /** `data` of the retained ConfigMap; null where there is none. */
  readonly configMap: { readonly id: string; readonly bootstrapped: boolean } | null;
  /** From the status of the LithairModel. */
  readonly status: { readonly id: string | null; readonly hasServed: boolean };
  /** What the members say that hold a cluster. */
  readonly reported: readonly string[];
  /** Annotations of the volumes; looked at only where the ConfigMap is gone. */
  readonly volumes: readonly string[];
  /** Used where nobody knows one. */
  readonly fresh: string;
}

/** Which cluster this is. */
export interface Identity {
  readonly id: string;
  readonly bootstrapped: boolean;
  /** Ids that contradict `id`: disks or members of another cluster. */
  readonly strangers: readonly string[];
}

/**
 * The id of a cluster outlives everything but its volumes, so a lost ConfigMap is written again
 * from whoever still knows. Only where nobody does is this a new cluster.
 */
export function resolveIdentity(sources: IdentitySources): Identity {
  const { configMap, status, reported, volumes, fresh } = sources;
  const id = configMap?.id ?? status.id ?? reported[0] ?? volumes[0] ?? fresh;
  const strangers = [...new Set([...reported, ...volumes])].filter((other) => other !== id).sort();
  const known = configMap?.bootstrapped === true || status.hasServed;
  return { id, bootstrapped: known || reported.includes(id), strangers };
}
