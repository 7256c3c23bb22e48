/** What a certificate says its holder is. */
export type PeerKind = 'member' | 'admin';

/** The identity that a certificate of the cluster's authority carries. */
export interface PeerIdentity {
  readonly kind: PeerKind;
  readonly name: string;
}

const SCHEME = 'lithair:';
const NAME = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;

/** URI subject alternative name of an identity, for example `lithair:member:shop-0`. */
export function identityUri(identity: PeerIdentity): string {
  if (!NAME.test(identity.name)) throw new TypeError(`not a member name: ${identity.name}`);
  return `${SCHEME}${identity.kind}:${identity.name}`;
}

/**
 * Reads the identity from the subject alternative names of a verified certificate, as Node prints
 * them (`DNS:a, URI:lithair:member:a`). Anything but exactly one identity is none at all.
 */
export function identityOf(subjectAltName: string | undefined): PeerIdentity | null {
  const found = (subjectAltName ?? '')
    .split(', ')
    .filter((entry) => entry.startsWith(`URI:${SCHEME}`))
    .map((entry) => entry.slice(`URI:${SCHEME}`.length));
  const only = found[0];
  if (only === undefined || found.length !== 1) return null;
  const separator = only.indexOf(':');
  const kind = only.slice(0, separator);
  const name = only.slice(separator + 1);
  if ((kind !== 'member' && kind !== 'admin') || !NAME.test(name)) return null;
  return { kind, name };
}
