import { hash } from 'node:crypto';
import type { Actor, IdempotencyKey } from '../ports/index.ts';
import { Problem } from './problems.ts';

const MAX_LENGTH = 255;

/**
 * The key of a write, where the client gave one. Its scope is subject, method, path and key; its
 * fingerprint tells another body under the same key.
 *
 * @param fingerprint of its body
 * @param line of a body of lines, each of which is a write of its own
 * @throws Problem `bad_header`
 */
export function idempotencyOf(
  header: string | string[] | undefined,
  actor: Actor,
  method: string,
  path: string,
  fingerprint: () => string,
  line?: number,
): IdempotencyKey | null {
  if (header === undefined) return null;
  if (typeof header !== 'string' || !isKey(header)) {
    throw new Problem('bad_header', 'Idempotency-Key must be 1 to 255 printable characters.');
  }
  return {
    scope: hash(
      'sha256',
      JSON.stringify([actor.method, actor.subject, method, path, header, ...placeOf(line)]),
      'hex',
    ),
    fingerprint: fingerprint(),
  };
}

function placeOf(line: number | undefined): readonly number[] {
  return line === undefined ? [] : [line];
}

function isKey(text: string): boolean {
  if (text.length === 0 || text.length > MAX_LENGTH) return false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < 0x20 || code > 0x7e) return false;
  }
  return true;
}
