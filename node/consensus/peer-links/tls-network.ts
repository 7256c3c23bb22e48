import { connect, type PeerCertificate, type TLSSocket } from 'node:tls';
import { RAFT_ALPN } from '@lithair/crds/contract';
import { identityOf } from '@lithair/crds/identity';
import type { PeerAddress } from '../ports.ts';
import { parseAddress } from './address.ts';
import type { PeerListener } from './listener.ts';
import type { PeerNetwork, PeerSocket, SocketHandler, SocketTaker } from './socket.ts';
import { type Channel, secureOptions, type TlsMaterial } from './types.ts';

/**
 * Error where the verified certificate is not that of the member `name`. TLS has checked the
 * authority already; host names and addresses prove nothing here.
 */
export function peerIdentityError(name: string, certificate: PeerCertificate): Error | undefined {
  const identity = identityOf(certificate.subjectaltname);
  if (identity?.kind === 'member' && identity.name === name) return undefined;
  const found = identity === null ? 'no identity' : `${identity.kind} ${identity.name}`;
  return new Error(`its certificate carries ${found}, not member ${name}`);
}

/** Members over mutual TLS: dialled by their certificate's name, heard on the peer port. */
export class TlsPeerNetwork implements PeerNetwork {
  readonly #listener: PeerListener;
  readonly #material: TlsMaterial;

  constructor(listener: PeerListener, material: TlsMaterial) {
    this.#listener = listener;
    this.#material = material;
  }

  connect(peer: PeerAddress, _channel: Channel, onConnected: () => void): PeerSocket {
    const address = parseAddress(peer.address);
    if (address === null) throw new Error(`not an address: ${peer.address}`);
    const socket = connect({
      ...secureOptions(this.#material),
      host: address.host,
      port: address.port,
      servername: peer.name,
      ALPNProtocols: [RAFT_ALPN],
      checkServerIdentity: (_host, certificate) => peerIdentityError(peer.name, certificate),
    });
    socket.once('secureConnect', onConnected);
    return new TlsPeerSocket(socket);
  }

  accept(taker: SocketTaker): void {
    this.#listener.onRaft((socket, identity) => taker(new TlsPeerSocket(socket), identity));
  }
}

/** A mutual-TLS socket as {@link PeerSocket}. */
class TlsPeerSocket implements PeerSocket {
  readonly #socket: TLSSocket;
  #corked = false;

  constructor(socket: TLSSocket) {
    this.#socket = socket;
  }

  get queuedBytes(): number {
    return this.#socket.writableLength;
  }

  start(handler: SocketHandler): void {
    const socket = this.#socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => handler.onData(chunk));
    socket.on('error', (error) => handler.onClose(error.message));
    socket.on('close', () => handler.onClose(null));
  }

  write(bytes: Uint8Array): void {
    if (!this.#corked) {
      this.#corked = true;
      this.#socket.cork();
      process.nextTick(() => this.#uncork());
    }
    this.#socket.write(bytes);
  }

  async drained(): Promise<void> {
    this.#uncork();
    const socket = this.#socket;
    if (!socket.writableNeedDrain || socket.destroyed) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        socket.off('drain', done);
        socket.off('close', done);
        resolve();
      };
      socket.on('drain', done);
      socket.on('close', done);
    });
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#uncork();
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #uncork(): void {
    if (!this.#corked) return;
    this.#corked = false;
    this.#socket.uncork();
  }
}
