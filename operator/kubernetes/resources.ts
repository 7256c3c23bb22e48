/** Where a kind lives in the API. */
interface Resource {
  readonly apiVersion: string;
  readonly plural: string;
  readonly namespaced: boolean;
}

/** The kinds that the operator touches; RBAC in the chart names the same ones. */
export const RESOURCES = {
  LithairModel: { apiVersion: 'lithair.dev/v1alpha1', plural: 'lithairmodels', namespaced: true },
  StatefulSet: { apiVersion: 'apps/v1', plural: 'statefulsets', namespaced: true },
  Service: { apiVersion: 'v1', plural: 'services', namespaced: true },
  ConfigMap: { apiVersion: 'v1', plural: 'configmaps', namespaced: true },
  Secret: { apiVersion: 'v1', plural: 'secrets', namespaced: true },
  ServiceAccount: { apiVersion: 'v1', plural: 'serviceaccounts', namespaced: true },
  Pod: { apiVersion: 'v1', plural: 'pods', namespaced: true },
  PersistentVolumeClaim: {
    apiVersion: 'v1',
    plural: 'persistentvolumeclaims',
    namespaced: true,
  },
  PodDisruptionBudget: {
    apiVersion: 'policy/v1',
    plural: 'poddisruptionbudgets',
    namespaced: true,
  },
  StorageClass: { apiVersion: 'storage.k8s.io/v1', plural: 'storageclasses', namespaced: false },
  Lease: { apiVersion: 'coordination.k8s.io/v1', plural: 'leases', namespaced: true },
  Event: { apiVersion: 'v1', plural: 'events', namespaced: true },
} as const satisfies Record<string, Resource>;

/** A kind that the operator knows the path of. */
export type Kind = keyof typeof RESOURCES;

/** Whether a kind is one of ours. */
export function isKind(kind: string): kind is Kind {
  return Object.hasOwn(RESOURCES, kind);
}

/** Path of a collection; with no namespace, of the whole cluster. */
export function collectionPath(kind: Kind, namespace?: string): string {
  const { apiVersion, plural } = RESOURCES[kind];
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  return namespace === undefined
    ? `${root}/${plural}`
    : `${root}/namespaces/${encodeURIComponent(namespace)}/${plural}`;
}

/** Path of one object. */
export function objectPath(kind: Kind, name: string, namespace?: string): string {
  return `${collectionPath(kind, namespace)}/${encodeURIComponent(name)}`;
}
