/**
 * Links between members over a port of byte streams; mutual TLS behind it, and the listener that
 * it shares with the admin API.
 */
export { parseAddress } from './address.ts';

export type { MemberTable } from './hello.ts';
export { PeerListener } from './listener.ts';
export type { PeerNetwork, PeerSocket, SocketHandler, SocketTaker } from './socket.ts';
export { peerIdentityError, TlsPeerNetwork } from './tls-network.ts';
export { LinkTransport } from './transport.ts';
export { type Channel, type FinalRefusal, secureOptions, type TlsMaterial } from './types.ts';
