import { createServer, type Server, type TLSSocket } from 'node:tls';
import { ADMIN_ALPN, RAFT_ALPN } from '@lithair/crds/contract';
import { identityOf, type PeerIdentity } from '@lithair/crds/identity';
import type { Logger } from '../../ports/index.ts';
import { secureOptions, type TlsMaterial } from './types.ts';

const MAX_CONNECTIONS = 1024;
const HANDSHAKE_TIMEOUT_MS = 5000;

/** Takes a connection whose certificate was verified and whose identity is known. */
export type ConnectionTaker = (socket: TLSSocket, identity: PeerIdentity) => void;

/**
 * The peer port: one mutual-TLS listener for raft frames and the admin API, told apart by ALPN.
 * What a protocol has no taker for is closed.
 */
export class PeerListener {
  readonly #server: Server;
  readonly #logger: Logger;
  readonly #takers = new Map<string, ConnectionTaker>();
  readonly #sockets = new Set<TLSSocket>();

  constructor(material: TlsMaterial, logger: Logger) {
    this.#logger = logger;
    this.#server = createServer({
      ...secureOptions(material),
      requestCert: true,
      rejectUnauthorized: true,
      ALPNProtocols: [RAFT_ALPN, ADMIN_ALPN],
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    });
    this.#server.maxConnections = MAX_CONNECTIONS;
    this.#server.on('secureConnection', (socket) => this.#onConnection(socket));
    this.#server.on('tlsClientError', (error, socket) => {
      logger.warn(
        { address: socket.remoteAddress, reason: error.message },
        'refused a connection on the peer port: no valid certificate of this cluster',
      );
    });
  }

  onRaft(taker: ConnectionTaker): void {
    this.#takers.set(RAFT_ALPN, taker);
  }

  onAdmin(taker: ConnectionTaker): void {
    this.#takers.set(ADMIN_ALPN, taker);
  }

  /** Resolves with the port that it listens on. @throws the listen error, such as EADDRINUSE */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port }, () => {
        this.#server.off('error', reject);
        this.#server.on('error', (error) =>
          this.#logger.error({ reason: error.message }, 'peer port'),
        );
        const address = this.#server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : port);
      });
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      for (const socket of this.#sockets) socket.destroy();
    });
  }

  #onConnection(socket: TLSSocket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    const identity = identityOf(socket.getPeerCertificate().subjectaltname);
    const taker = this.#takers.get(String(socket.alpnProtocol));
    if (identity !== null && taker !== undefined) {
      taker(socket, identity);
      return;
    }
    this.#refuse(socket, identity);
  }

  #refuse(socket: TLSSocket, identity: PeerIdentity | null): void {
    const fields = { address: socket.remoteAddress, protocol: String(socket.alpnProtocol) };
    if (identity === null) {
      this.#logger.warn(fields, 'refused a connection: its certificate carries no identity');
    } else {
      // Usual while this node has no place in its cluster yet: whoever wants to link tries again.
      this.#logger.debug({ ...fields, name: identity.name }, 'nobody takes this protocol yet');
    }
    socket.on('error', () => {});
    socket.destroy();
  }
}
