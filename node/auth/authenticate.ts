import type { IncomingHttpHeaders } from 'node:http';
import type { AuthSpec } from '@lithair/crds';
import type { Actor } from '../ports/index.ts';

/**
 * Tells who is calling, from the head of a request; null where credentials are missing or wrong
 * (401). Synchronous where no secret has to be fetched, which is every mode so far.
 */
export type Authenticate = (headers: IncomingHttpHeaders) => Actor | null;

/** Everybody, where `auth.mode` is `open`. */
export const ANONYMOUS: Actor = Object.freeze({
  subject: 'anonymous',
  method: 'none',
  roles: Object.freeze([]),
});

/** The way that the model declares; `open` reads no header at all. */
export function createAuthenticate(auth: AuthSpec): Authenticate {
  switch (auth.mode) {
    case 'open':
      return () => ANONYMOUS;
  }
}
