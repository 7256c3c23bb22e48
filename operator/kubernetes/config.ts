import { readFileSync } from 'node:fs';
import { KubeConfig } from '@kubernetes/client-node';

const NAMESPACE_FILE = '/var/run/secrets/kubernetes.io/serviceaccount/namespace';

/** The service account inside a cluster, otherwise what kubectl would use. */
export function loadKubeConfig(): KubeConfig {
  const config = new KubeConfig();
  config.loadFromDefault();
  return config;
}

/** Namespace of the pod this process runs in; null outside a cluster. */
export function ownNamespace(): string | null {
  try {
    return readFileSync(NAMESPACE_FILE, 'utf8').trim();
  } catch {
    return null;
  }
}
