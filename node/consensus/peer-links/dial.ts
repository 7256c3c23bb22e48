import { connect, type PeerCertificate, type TLSSocket } from 'node:tls';
import { RAFT_ALPN } from '@lithair/crds/contract';
import { identityOf } from '@lithair/crds/identity';
import type { PeerAddress } from '../ports.ts';
import { FrameKind } from '../wire/index.ts';
import { parseAddress } from './address.ts';
import { Connection, type ConnectionHandler } from './connection.ts';
import { helloFrame, MAX_GREETING_BYTES, parseHello, parseRefusal } from './hello.ts';
import {
  type Channel,
  idleTimeoutOf,
  type LinkLimits,
  type LinkWorld,
  type LocalMember,
  type RefusalCode,
  secureOptions,
  type TlsMaterial,
} from './types.ts';

/** Why no connection came about. */
export class DialError extends Error {
  override readonly name = 'DialError';
  /** Set where the peer answered, and refused. */
  readonly refusal: RefusalCode | null;

  constructor(message: string, refusal: RefusalCode | null = null) {
    super(message);
    this.refusal = refusal;
  }
}

/** What is needed to dial a peer. */
export interface DialContext {
  readonly self: LocalMember;
  readonly material: TlsMaterial;
  readonly limits: LinkLimits;
  readonly world: LinkWorld;
}

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

/**
 * Connects to a peer, and resolves once both sides have greeted each other.
 *
 * @throws DialError
 */
export function dial(
  context: DialContext,
  peer: PeerAddress,
  channel: Channel,
  handler: ConnectionHandler,
): Promise<Connection> {
  const address = parseAddress(peer.address);
  if (address === null) {
    return Promise.reject(new DialError(`not an address: ${peer.address}`));
  }
  const socket = connect({
    ...secureOptions(context.material),
    host: address.host,
    port: address.port,
    servername: peer.name,
    ALPNProtocols: [RAFT_ALPN],
    checkServerIdentity: (_host, certificate) => peerIdentityError(peer.name, certificate),
  });
  return greet(context, peer, channel, socket, handler);
}

function greet(
  context: DialContext,
  peer: PeerAddress,
  channel: Channel,
  socket: TLSSocket,
  handler: ConnectionHandler,
): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const { self, limits, world } = context;
    const onFrame = (kind: number, payload: Buffer): void => {
      timer.cancel();
      const problem = greetingProblem(self, peer, kind, payload);
      if (problem === null) {
        connection.established(handler);
        connection.keepAlive(idleTimeoutOf(channel, limits));
        resolve(connection);
        return;
      }
      reject(problem);
      connection.close(problem.message);
    };
    const onClose = (reason: string): void => {
      timer.cancel();
      reject(new DialError(reason));
    };
    const connection = new Connection(socket, MAX_GREETING_BYTES, limits, world, {
      onFrame,
      onClose,
    });
    const timer = world.clock.after(limits.handshakeTimeoutMs, () => connection.close('timeout'));
    socket.once('secureConnect', () => connection.write(helloFrame(self, channel, peer.id)));
  });
}

function greetingProblem(
  self: LocalMember,
  peer: PeerAddress,
  kind: number,
  payload: Buffer,
): DialError | null {
  if (kind === FrameKind.Refused) {
    const refusal = parseRefusal(payload);
    return new DialError(`refused: ${refusal.reason}`, refusal.code);
  }
  if (kind !== FrameKind.Welcome) return new DialError('it did not greet');
  const welcome = parseHello(payload);
  if (welcome.clusterId !== self.clusterId) {
    return new DialError(`it belongs to cluster ${welcome.clusterId}, not ${self.clusterId}`);
  }
  if (welcome.memberId !== peer.id) {
    return new DialError(`it is member ${welcome.memberId}, not ${peer.id}`);
  }
  if (peer.diskUuid !== '' && welcome.diskUuid !== peer.diskUuid) {
    return new DialError(`member ${peer.id} has another disk than the one it had`);
  }
  return null;
}
