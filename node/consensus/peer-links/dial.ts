import type { PeerAddress } from '../ports.ts';
import { FrameKind } from '../wire/index.ts';
import { type CompressionFigures, isWorthwhile } from './compression.ts';
import { Connection, type ConnectionHandler } from './connection.ts';
import {
  helloFrame,
  MAX_GREETING_BYTES,
  type MemberTable,
  parseHello,
  parseRefusal,
  supersededText,
} from './hello.ts';
import type { PeerNetwork } from './socket.ts';
import {
  type Channel,
  type Hello,
  idleTimeoutOf,
  type LinkLimits,
  type LinkWorld,
  type LocalMember,
  type RefusalCode,
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
  readonly network: PeerNetwork;
  readonly limits: LinkLimits;
  readonly world: LinkWorld;
  readonly table: MemberTable;
  readonly figures: CompressionFigures;
  /** Who answered, once it is known that it may. */
  onWelcome(welcome: Hello): void;
}

/**
 * Connects to a peer, and resolves once both sides have greeted each other.
 *
 * @throws DialError, and what the network throws for an address that is none
 */
export function dial(
  context: DialContext,
  peer: PeerAddress,
  channel: Channel,
  handler: ConnectionHandler,
): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const { self, limits, world, network, table } = context;
    const onFrame = (kind: number, payload: Buffer): void => {
      timer.cancel();
      const greeting = readGreeting(context, peer, kind, payload);
      if (!(greeting instanceof DialError)) {
        context.onWelcome(greeting);
        if (isWorthwhile(self, greeting)) connection.compress(context.figures);
        connection.established(handler);
        connection.keepAlive(idleTimeoutOf(channel, limits));
        resolve(connection);
        return;
      }
      reject(greeting);
      connection.close(greeting.message);
    };
    const onClose = (reason: string): void => {
      timer.cancel();
      reject(new DialError(reason));
    };
    const onConnected = (): void => connection.write(helloFrame(self, table, channel, peer.id));
    const socket = network.connect(peer, channel, onConnected);
    const connection = new Connection(socket, MAX_GREETING_BYTES, limits, world, {
      onFrame,
      onClose,
    });
    const timer = world.clock.after(limits.handshakeTimeoutMs, () => connection.close('timeout'));
  });
}

function readGreeting(
  context: DialContext,
  peer: PeerAddress,
  kind: number,
  payload: Buffer,
): Hello | DialError {
  if (kind === FrameKind.Refused) {
    const refusal = parseRefusal(payload);
    return new DialError(`refused: ${refusal.reason}`, refusal.code);
  }
  if (kind !== FrameKind.Welcome) return new DialError('it did not greet');
  const welcome = parseHello(payload);
  return welcomeProblem(context, peer, welcome) ?? welcome;
}

function welcomeProblem(
  { self, table }: DialContext,
  peer: PeerAddress,
  welcome: Hello,
): DialError | null {
  if (welcome.clusterId !== self.clusterId) {
    return new DialError(`it belongs to cluster ${welcome.clusterId}, not ${self.clusterId}`);
  }
  const epoch = table.epoch ?? 0;
  if (epoch !== 0 && welcome.epoch > epoch) {
    return new DialError(supersededText(epoch, welcome.epoch), 'superseded');
  }
  if (epoch !== 0 && welcome.epoch !== 0 && welcome.epoch < epoch) {
    return new DialError(`it is of epoch ${welcome.epoch}, which is over: this is ${epoch}`);
  }
  if (welcome.memberId !== peer.id) {
    return new DialError(`it is member ${welcome.memberId}, not ${peer.id}`);
  }
  if (peer.diskUuid !== '' && welcome.diskUuid !== peer.diskUuid) {
    return new DialError(`member ${peer.id} has another disk than the one it had`);
  }
  return null;
}
