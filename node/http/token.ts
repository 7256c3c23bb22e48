import { crc32 } from 'node:zlib';
import type { StateReader } from '../ports/index.ts';
import { Problem } from './problems.ts';

/** The one raft group there is, and the place within an entry. */
const GROUP = 0;
const SUB_INDEX = 0;
const FORMAT = 1;

/**
 * Issues the opaque `Lithair-Index` tokens: cluster epoch, group, index, sub-index and schema,
 * with a checksum. Reads of one index share one string.
 */
export class TokenIssuer {
  #epoch = -1;
  #index = -1;
  #schemaVersion = -1;
  #token = '';

  issue(state: StateReader, index: number): string {
    const { epoch, schemaVersion } = state;
    if (index !== this.#index || schemaVersion !== this.#schemaVersion || epoch !== this.#epoch) {
      this.#epoch = epoch;
      this.#index = index;
      this.#schemaVersion = schemaVersion;
      this.#token = encode(epoch, index, schemaVersion);
    }
    return this.#token;
  }
}

function encode(epoch: number, index: number, schemaVersion: number): string {
  const payload = `${FORMAT}.${epoch}.${GROUP}.${index}.${SUB_INDEX}.${schemaVersion}`;
  return Buffer.from(`${payload}.${crc32(payload)}`, 'latin1').toString('base64url');
}

/**
 * The log index that a token asks for.
 *
 * @throws Problem `bad_token` where the token is not ours, or from before a restore
 */
export function indexOfToken(token: string, epoch: number): number {
  const text = Buffer.from(token, 'base64url').toString('latin1');
  const end = text.lastIndexOf('.');
  const payload = text.slice(0, end);
  const parts = payload.split('.').map(Number);
  const isOurs = token.length <= 256 && text.slice(end + 1) === String(crc32(payload));
  if (!isOurs || parts.length !== 6 || parts[0] !== FORMAT || !parts.every(Number.isSafeInteger)) {
    throw new Problem('bad_token', 'Lithair-Min-Index is not a value of Lithair-Index.');
  }
  if (parts[1] !== epoch) {
    throw new Problem('bad_token', 'Lithair-Min-Index is from before a restore: drop it.');
  }
  return parts[3] ?? 0;
}
