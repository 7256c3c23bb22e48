import { randomBytes } from 'node:crypto';
import { isRecord, type KubeObject, keyOf } from '../kubernetes/index.ts';
import { encryptionSecret, KEYS_FILE, namesOf } from '../manifests/index.ts';
import type { SecretStore } from './certificates.ts';

const READ_AGAIN_AFTER_MS = 30_000;
const SECRET_BYTES = 32;

interface Place {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
}

interface Held {
  readonly readAtMs: number;
  /** Null where there never was any. */
  readonly text: string | null;
  readonly isThere: boolean;
}

/**
 * The Secret `<name>-keys` of a cluster with something that is encrypted: made once, with one
 * key, where there is none, and never written to again, so that whoever rotates keys is its only
 * author. It outlives the resource, as the volumes do.
 */
export class EncryptionKeys {
  readonly #api: SecretStore;
  readonly #now: () => number;
  /** When each was read last, and what it held: one that was deleted by mistake comes back. */
  readonly #held = new Map<string, Held>();

  constructor(api: SecretStore, now: () => number) {
    this.#api = api;
    this.#now = now;
  }

  /**
   * Whether there are keys, after making sure of it where they are needed. Members get them as long as
   * there are any: what asked for encryption once may have left something behind that they open.
   *
   * @throws KubernetesError
   */
  async ensure(place: Place, isNeeded: boolean): Promise<boolean> {
    const key = keyOf(place);
    const held = this.#held.get(key);
    const isFresh = held !== undefined && this.#now() - held.readAtMs < READ_AGAIN_AFTER_MS;
    if (isFresh && (held.isThere || !isNeeded)) return held.isThere;
    const next = await this.#look(place, held?.text ?? null, isNeeded);
    this.#held.set(key, next);
    return next.isThere;
  }

  async #look(place: Place, before: string | null, isNeeded: boolean): Promise<Held> {
    const seen = await this.#api.get('Secret', namesOf(place.name).keys, place.namespace);
    const found = textOf(seen);
    const known = found ?? before;
    const made = seen === null && isNeeded ? (known ?? this.#newKeyring()) : null;
    if (made !== null) await this.#api.create(encryptionSecret(place, made));
    // A Secret of that name may be somebody's for something else.
    const isThere = isNeeded || found !== null;
    return { readAtMs: this.#now(), text: made ?? known, isThere };
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
