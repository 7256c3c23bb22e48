import { type KubernetesApi, KubernetesError } from '../kubernetes/index.ts';
import { BlockedError } from './errors.ts';

const DEFAULT_CLASS = 'storageclass.kubernetes.io/is-default-class';

/**
 * Whether volumes of a class can be claimed. Asked before a StatefulSet is made, because its class
 * can never be changed afterwards; null where they can, or where we may not know.
 */
export async function storageClassProblem(
  api: KubernetesApi,
  className: string | undefined,
): Promise<BlockedError | null> {
  // The empty name asks for volumes that somebody makes by hand.
  if (className === '') return null;
  try {
    return await findProblem(api, className);
  } catch (error) {
    if (error instanceof KubernetesError && error.forbidden) return null;
    throw error;
  }
}

async function findProblem(
  api: KubernetesApi,
  className: string | undefined,
): Promise<BlockedError | null> {
  if (className !== undefined) {
    if ((await api.get('StorageClass', className)) !== null) return null;
    const message = `spec.cluster.storage.className: there is no storage class ${className}`;
    return new BlockedError('StorageClassMissing', message);
  }
  const { items } = await api.list('StorageClass');
  if (items.some(({ metadata }) => metadata.annotations?.[DEFAULT_CLASS] === 'true')) return null;
  return new BlockedError(
    'NoDefaultStorageClass',
    'spec.cluster.storage.className: must be said, this Kubernetes has no default storage class',
  );
}
