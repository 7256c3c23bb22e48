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

/** The holders of the keys that the model knows. */
export class ApiKeys {
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
    const digest = hash('sha256', key, 'buffer');
    const holder = this.#holders.get(digest.toString('hex'));
    return holder !== undefined && timingSafeEqual(holder.digest, digest) ? holder.actor : null;
  }
}
