import { isDeepStrictEqual } from 'node:util';
import { API_VERSION, KIND, type LithairModelStatus } from '@lithair/crds';
import type { KubeObject, KubernetesApi, ObjectKey } from '../kubernetes/index.ts';

interface Subject {
  readonly key: ObjectKey;
  readonly name: string;
  readonly namespace: string;
  readonly status: LithairModelStatus | undefined;
}

/** Writes a status where it changed, and remembers it until the cache has caught up. */
export class StatusWriter {
  readonly #api: KubernetesApi;
  readonly #written = new Map<ObjectKey, KubeObject>();

  constructor(api: KubernetesApi) {
    this.#api = api;
  }

  /** The newer one of what the cache holds and what we wrote. */
  newest(key: ObjectKey, cached: KubeObject): KubeObject {
    const written = this.#written.get(key);
    if (written === undefined || written.metadata.uid !== cached.metadata.uid) return cached;
    if (versionOf(written) > versionOf(cached)) return written;
    this.#written.delete(key);
    return cached;
  }

  /** Writes `next` unless it is what is there; says whether it did. @throws KubernetesError */
  async write(subject: Subject, next: LithairModelStatus): Promise<boolean> {
    const plain: unknown = JSON.parse(JSON.stringify(next));
    if (isDeepStrictEqual(plain, subject.status)) return false;
    const { key, name, namespace } = subject;
    const metadata = { name, namespace };
    const object = { apiVersion: API_VERSION, kind: KIND, metadata, status: plain };
    this.#written.set(key, await this.#api.apply(object, 'status'));
    return true;
  }

  forget(key: ObjectKey): void {
    this.#written.delete(key);
  }
}

/** Versions of one object grow; that is all they are compared for here. */
function versionOf(object: KubeObject): bigint {
  const text = object.metadata.resourceVersion ?? '';
  return /^\d+$/.test(text) ? BigInt(text) : 0n;
}
