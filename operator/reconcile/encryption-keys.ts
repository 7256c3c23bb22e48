import { randomBytes } from 'node:crypto';
import type { LithairModelSpec } from '@lithair/crds';
import { isRecord, type KubeObject, keyOf } from '../kubernetes/index.ts';
import { asksForEncryption, encryptionSecret, KEYS_FILE, namesOf } from '../manifests/index.ts';
import type { SecretStore } from './certificates.ts';

const READ_AGAIN_AFTER_MS = 30_000;
const SECRET_BYTES = 32;

interface Place {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
}

/**
 * The Secret `<name>-keys` of a cluster with models that are encrypted at rest: made once, with one
 * key, where there is none, and never written to again, so that whoever rotates keys is its only
 * author. It outlives the resource, as the volumes do.
 */
export class EncryptionKeys {
  readonly #api: SecretStore;
  readonly #now: () => number;
  /** When each was read last, and what it held: one that was deleted by mistake comes back. */
  readonly #held = new Map<string, { readonly readAtMs: number; readonly text: string }>();

  constructor(api: SecretStore, now: () => number) {
    this.#api = api;
    this.#now = now;
  }

  /** Makes sure that there are keys where the spec asks for encryption. @throws KubernetesError */
  async ensure(place: Place, spec: LithairModelSpec): Promise<void> {
    if (!asksForEncryption(spec)) return;
    const key = keyOf(place);
    const held = this.#held.get(key);
    if (held !== undefined && this.#now() - held.readAtMs < READ_AGAIN_AFTER_MS) return;
    const seen = await this.#api.get('Secret', namesOf(place.name).keys, place.namespace);
    const text = textOf(seen) ?? held?.text ?? this.#newKeyring();
    if (seen === null) await this.#api.create(encryptionSecret(place, text));
    this.#held.set(key, { readAtMs: this.#now(), text });
  }

  /** Forgets a cluster whose resource is gone. */
  forget(key: string): void {
    this.#held.delete(key);
  }

  /** As `lithair keys init` makes it; see docs/storage-format.md. */
  #newKeyring(): string {
    const secret = randomBytes(SECRET_BYTES).toString('base64');
    const key = { id: 1, secret, createdAt: new Date(this.#now()).toISOString() };
    return `${JSON.stringify({ formatVersion: 1, keys: [key] }, null, 2)}\n`;
  }
}

function textOf(secret: KubeObject | null): string | null {
  const data = secret?.['data'];
  if (!isRecord(data) || typeof data[KEYS_FILE] !== 'string') return null;
  return Buffer.from(data[KEYS_FILE], 'base64').toString('utf8');
}
