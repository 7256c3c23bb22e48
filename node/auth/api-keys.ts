import { hash, timingSafeEqual } from 'node:crypto';
import type { ApiKeySpec } from '@lithair/crds';
import type { Actor } from '../ports/index.ts';

/** What every API key begins with, so that people and secret scanners know one. */
export const API_KEY_PREFIX = 'lk_';

/** Bytes of randomness in a key: nothing to guess, so that a plain hash keeps it safe. */
export const API_KEY_BYTES = 32;

/** The key that some random bytes make. */
export function apiKeyOf(random: Uint8Array): string {
  return API_KEY_PREFIX + Buffer.from(random).toString('base64url');
}

/** SHA-256 of a key in hex, as models hold it. */
export function apiKeyHash(key: string): string {
  return hash('sha256', key, 'hex');
}

interface Remembered {
  readonly key: string;
  readonly actor: Actor;
}

/** Right keys that came last are told without a hash, which takes as long as validating a write. */
const MAX_REMEMBERED = 8;

/** The holders of the keys that the model knows. */
export class ApiKeys {
  /** The one that was first right comes first. */
  readonly #remembered: Remembered[] = [];
  readonly #holders: ReadonlyMap<string, { readonly digest: Buffer; readonly actor: Actor }>;

  constructor(keys: readonly ApiKeySpec[]) {
    const entries = keys.map(({ name, sha256, roles }) => {
      const actor: Actor = { subject: name, method: 'apiKey', roles };
      return [sha256, { digest: Buffer.from(sha256, 'hex'), actor }] as const;
    });
    this.#holders = new Map(entries);
  }

  /** Null where nobody holds the key. How long that takes tells nothing of a key, only of hashes. */
  holderOf(key: string): Actor | null {
    for (const known of this.#remembered) if (isSame(known.key, key)) return known.actor;
    const actor = this.#find(key);
    if (actor !== null) this.#remember({ key, actor });
    return actor;
  }

  #find(key: string): Actor | null {
    const digest = hash('sha256', key, 'buffer');
    const holder = this.#holders.get(digest.toString('hex'));
    return holder !== undefined && timingSafeEqual(holder.digest, digest) ? holder.actor : null;
  }

  #remember(right: Remembered): void {
    if (this.#remembered.length === MAX_REMEMBERED) this.#remembered.shift();
    this.#remembered.push(right);
  }
}

/** Looks at every character, wherever two texts of one length differ first. */
function isSame(known: string, given: string): boolean {
  if (known.length !== given.length) return false;
  let difference = 0;
  for (let at = 0; at < known.length; at++)
    difference |= known.charCodeAt(at) ^ given.charCodeAt(at);
  return difference === 0;
}
