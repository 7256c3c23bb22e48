/** Links between members over mutual TLS, and the listener that they share with the admin API. */
export { parseAddress } from './address.ts';
export { peerIdentityError } from './dial.ts';
export type { MemberTable } from './hello.ts';
export { type ConnectionTaker, PeerListener } from './listener.ts';
export { type PeerLinksOptions, TlsPeerTransport } from './transport.ts';
export {
  type LinkLimits,
  type LinkWorld,
  type LocalMember,
  secureOptions,
  type TlsMaterial,
} from './types.ts';
