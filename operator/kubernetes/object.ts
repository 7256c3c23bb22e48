/** The part of `metadata` that the operator reads or writes. */
export interface ObjectMeta {
  name: string;
  namespace?: string;
  uid?: string;
  generation?: number;
  resourceVersion?: string;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  finalizers?: string[];
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: OwnerReference[];
  managedFields?: unknown[];
}

/** metav1.OwnerReference. */
export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

/** Any object of the API, as the JSON that the server speaks. Times are strings, never `Date`. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  [part: string]: unknown;
}

/** `namespace/name`: the key of the caches and of the work queue. */
export type ObjectKey = string;

/** Key of an object; of a cluster-wide one it starts with `/`. */
export function keyOf(metadata: { name: string; namespace?: string | undefined }): ObjectKey {
  return `${metadata.namespace ?? ''}/${metadata.name}`;
}

/**
 * Reads an answer of the API server as an object.
 *
 * @throws TypeError where it has no apiVersion, kind or name.
 */
export function parseObject(value: unknown): KubeObject {
  if (!isKubeObject(value)) throw new TypeError('the API server sent something that is no object');
  return value;
}

function isKubeObject(value: unknown): value is KubeObject {
  if (!isRecord(value) || !isRecord(value['metadata'])) return false;
  return (
    typeof value['apiVersion'] === 'string' &&
    typeof value['kind'] === 'string' &&
    typeof value['metadata']['name'] === 'string'
  );
}

/** Whether a JSON value is an object and no array. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
