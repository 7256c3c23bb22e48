import type { IncomingHttpHeaders } from 'node:http';
import type { AuthSchema } from '@lithair/crds';
import type { Actor, Clock } from '../ports/index.ts';
import { API_KEY_PREFIX, ApiKeys } from './api-keys.ts';
import { Tokens } from './tokens.ts';

/**
 * Tells who is calling, from the head of a request: {@link ANONYMOUS} where it brings no
 * credentials, null where those it brings are wrong (401). At once where nothing has to be waited
 * for, which is every request but the first ones of a token.
 *
 * @throws AuthError, or rejects with it, where credentials cannot be checked at the moment (503)
 */
export type Authenticate = (headers: IncomingHttpHeaders) => Actor | null | Promise<Actor | null>;

/** The secrets that the model names, as whoever runs the node provides them. */
export type ReadSecret = (name: string) => Promise<Uint8Array>;

export interface AuthPorts {
  readonly clock: Clock;
  readonly readSecret: ReadSecret;
}

/** Whoever does not say who they are. */
export const ANONYMOUS: Actor = Object.freeze({
  subject: 'anonymous',
  method: 'none',
  roles: Object.freeze([]),
});

/** The way that the model declares; without one (`auth.mode: open`) no header is looked at. */
export function createAuthenticate(auth: AuthSchema | undefined, ports: AuthPorts): Authenticate {
  if (auth === undefined) return () => ANONYMOUS;
  const keys = new ApiKeys(auth.apiKeys?.keys ?? []);
  const tokens = auth.jwt === undefined ? null : new Tokens(auth.jwt, ports);
  return (headers) => {
    const credential = credentialOf(headers);
    if (credential === null) return ANONYMOUS;
    if (credential.startsWith(API_KEY_PREFIX)) return keys.holderOf(credential);
    return tokens === null ? null : tokens.subjectOf(credential);
  };
}

/** Longer ones are refused unread: the whole head of a request has 16 KiB. */
const MAX_LENGTH = 8192;

/**
 * `Authorization: Bearer` (RFC 6750, section 2.1), or `X-API-Key`; null where there is neither.
 * What is no such credential is a wrong one, and the empty text is nobody's.
 */
function credentialOf(headers: IncomingHttpHeaders): string | null {
  const { authorization } = headers;
  const key = headers['x-api-key'];
  if (authorization === undefined && key === undefined) return null;
  if (authorization !== undefined && key !== undefined) return '';
  const text = authorization === undefined ? key : /^bearer +(\S+) *$/i.exec(authorization)?.[1];
  return typeof text === 'string' && text.length <= MAX_LENGTH ? text : '';
}
