/** Links between members over mutual TLS, and the listener that they share with the admin API. */
export { parseAddress } from './address.ts';
export { peerIdentityError } from './dial.ts';

export { PeerListener } from './listener.ts';
export { TlsPeerTransport } from './transport.ts';
export { secureOptions, type TlsMaterial } from './types.ts';
