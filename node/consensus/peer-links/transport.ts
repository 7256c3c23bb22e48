import type { ApplyVersions } from '@lithair/crds/contract';
import type { PeerIdentity } from '@lithair/crds/identity';
import type { Message } from 'etcd-raft-ts';
import { decodeMessage, encodeMessage } from 'etcd-raft-ts';
import { EngineError, type TimerHandle } from '../../ports/index.ts';
import { ConsensusError, PeerRequestError, traceOf, WireError } from '../errors.ts';
import type {
  PeerAddress,
  PeerHandler,
  PeerTransport,
  RequestKind,
  SnapshotContent,
} from '../ports.ts';
import { encodeFrame, FrameKind } from '../wire/index.ts';
import { type CompressionFigures, isWorthwhile } from './compression.ts';
import { Connection, type ConnectionHandler } from './connection.ts';
import type { DialContext } from './dial.ts';
import {
  MAX_GREETING_BYTES,
  type MemberTable,
  parseHello,
  refusalFrame,
  refusalOf,
  supersededText,
  welcomeFrame,
} from './hello.ts';
import { Link } from './link.ts';
import { OutstandingRequests, RequestServer } from './requests.ts';
import { type SnapshotHandler, SnapshotReceiver, sendSnapshot } from './snapshot-stream.ts';
import type { PeerNetwork, PeerSocket } from './socket.ts';
import {
  DEFAULT_LIMITS,
  type FinalRefusal,
  type Hello,
  idleTimeoutOf,
  type LinkLimits,
  type LinkWorld,
  type LocalMember,
  type Refusal,
} from './types.ts';

const SWEEP_INTERVAL_MS = 50;

/** What the peer links of a member are made of. */
export interface PeerLinksOptions {
  readonly network: PeerNetwork;
  readonly self: LocalMember;
  /** Asked at every hello. */
  readonly table: MemberTable;
  readonly world: LinkWorld;
  readonly limits?: Partial<LinkLimits>;
  /** Where to dial peers, where that is known better than the member table does. */
  readonly locate?: (peers: readonly PeerAddress[]) => readonly PeerAddress[];
  /** A member says that this one must not go on as it is. */
  readonly onRefused: (reason: string, code: FinalRefusal) => void;
}

interface PeerLinks {
  readonly peer: PeerAddress;
  readonly raft: Link;
  readonly request: Link;
}

/** {@link PeerTransport} over links: each member dials every other and keeps the links up. */
export class LinkTransport implements PeerTransport {
  readonly #options: PeerLinksOptions;
  readonly #limits: LinkLimits;
  readonly #requests: OutstandingRequests;
  readonly #links = new Map<number, PeerLinks>();
  /** Connections that a member dialled; the way to a member whose address is not known (yet). */
  readonly #inbound = new Map<Connection, Hello>();
  #handler: PeerHandler | null = null;
  #timer: TimerHandle | null = null;
  readonly #applyVersions = new Map<number, ApplyVersions>();
  readonly #clocks = new Map<number, number>();
  /** When a member was heard last, by the monotonic clock. */
  readonly #heard = new Map<number, number>();
  /** What was made smaller on the way to other regions. */
  readonly compression: CompressionFigures = { plainBytes: 0, sentBytes: 0 };
  #closed = false;

  constructor(options: PeerLinksOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#requests = new OutstandingRequests(options.world.clock);
  }

  start(handler: PeerHandler): void {
    this.#handler = handler;
    this.#options.network.accept((socket, identity) => this.#accept(socket, identity));
    this.#sweepLater();
  }

  setPeers(members: readonly PeerAddress[]): void {
    if (this.#closed) return;
    const peers = this.#options.locate?.(members) ?? members;
    const wanted = new Map(peers.map((peer) => [peer.id, peer]));
    for (const [id, links] of this.#links) {
      const peer = wanted.get(id);
      if (peer !== undefined && isSamePlace(peer, links.peer)) continue;
      this.#links.delete(id);
      links.raft.close('no longer a peer');
      links.request.close('no longer a peer');
    }
    for (const peer of peers)
      if (!this.#links.has(peer.id)) this.#links.set(peer.id, this.#open(peer));
    const { nextMemberId } = this.#options.table;
    for (const [connection, { memberId }] of this.#inbound) {
      const isToCome = memberId >= nextMemberId;
      if (!wanted.has(memberId) && !isToCome) connection.close('no longer a peer');
    }
  }

  /** Dials these, too: for a member that has no table yet, which must hear of its fate. */
  introduce(peers: readonly PeerAddress[]): void {
    if (this.#closed) return;
    for (const peer of peers) {
      if (!this.#links.has(peer.id)) this.#links.set(peer.id, this.#open(peer));
    }
  }

  send(to: number, message: Message): void {
    const connection = this.#messageConnection(to);
    if (connection === null || connection.queuedBytes > this.#limits.maxQueueBytes) {
      this.#handler?.unreachable(to);
      return;
    }
    connection.write(encodeFrame(FrameKind.Message, encodeMessage(message)));
  }

  request(to: number, kind: RequestKind, body: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    const connection = this.#links.get(to)?.request.connection ?? null;
    if (connection === null) {
      return Promise.reject(new PeerRequestError(false, `not connected to member ${to}`));
    }
    if (connection.queuedBytes + body.length > this.#limits.maxQueueBytes) {
      return Promise.reject(new PeerRequestError(false, `too much waits for member ${to}`));
    }
    return this.#requests.send(connection, kind, body, timeoutMs);
  }

  sendSnapshot(to: number, message: Message, content: SnapshotContent): Promise<void> {
    const peer = this.#links.get(to)?.raft.place;
    if (peer === undefined) return Promise.reject(new Error(`member ${to} is not known`));
    return sendSnapshot(this.#dialContext(), peer, message, content);
  }

  /** What a connected member's binary can take part in; null while it is not connected. */
  applyVersionsOf(id: number): ApplyVersions | null {
    return this.#messageConnection(id) === null ? null : (this.#applyVersions.get(id) ?? null);
  }

  /** What a member's clock shows by now, as far as it told of late; null where it did not. */
  clockOf(id: number): number | null {
    const aheadMs = this.#clocks.get(id);
    if (aheadMs === undefined || this.#messageConnection(id) === null) return null;
    return this.#options.world.clock.monotonicMs() + aheadMs;
  }

  /** Milliseconds since any of these members sent a message; null where none has yet. */
  heardMs(ids: readonly number[]): number | null {
    const heard = ids.flatMap((id) => this.#heard.get(id) ?? []);
    return heard.length === 0 ? null : this.#options.world.clock.monotonicMs() - Math.max(...heard);
  }

  #learn({ memberId, applyVersions }: Hello): void {
    this.#applyVersions.set(memberId, applyVersions);
  }

  #onClock(id: number, nowMs: number): void {
    this.#clocks.set(id, nowMs - this.#options.world.clock.monotonicMs());
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    for (const links of this.#links.values()) {
      links.raft.close('shutting down');
      links.request.close('shutting down');
    }
    for (const connection of this.#inbound.keys()) connection.close('shutting down');
    this.#links.clear();
  }

  #open(peer: PeerAddress): PeerLinks {
    const context = (): DialContext => this.#dialContext();
    const handler = {
      onFrame: (connection: Connection, kind: number, payload: Buffer) =>
        this.#onDialledFrame(peer.id, connection, kind, payload),
      onUp: () => {},
      onGone: () => {},
      onDown: (connection: Connection) => this.#requests.onDown(connection),
      onRefused: this.#options.onRefused,
    };
    return {
      peer,
      raft: new Link(peer, 'raft', context, {
        ...handler,
        onGone: () => this.#handler?.gone(peer.id),
      }),
      request: new Link(peer, 'request', context, handler),
    };
  }

  #dialContext(): DialContext {
    const { self, world, network, table } = this.#options;
    const onWelcome = (welcome: Hello): void => this.#learn(welcome);
    const shared = { limits: this.#limits, figures: this.compression, onWelcome };
    return { self, world, network, table, ...shared };
  }

  #messageConnection(to: number): Connection | null {
    const dialled = this.#links.get(to)?.raft.connection;
    if (dialled !== undefined && dialled !== null) return dialled;
    for (const [connection, hello] of this.#inbound) {
      if (hello.memberId === to && hello.channel === 'raft') return connection;
    }
    return null;
  }

  #onDialledFrame(from: number, connection: Connection, kind: number, payload: Buffer): void {
    if (kind === FrameKind.Message) this.#onMessage(from, payload);
    else if (kind === FrameKind.Response) this.#requests.onResponse(payload);
    else connection.close(`unexpected frame ${kind}`);
  }

  /** @throws WireError, CodecError or MessageError where the peer is not a correct one */
  #onMessage(from: number, payload: Buffer): void {
    const message = decodeMessage(payload);
    if (message.from !== from) throw new WireError(`member ${from} speaks for ${message.from}`);
    this.#heard.set(from, this.#options.world.clock.monotonicMs());
    this.#handler?.message(from, message);
  }

  #accept(socket: PeerSocket, identity: PeerIdentity): void {
    const { world } = this.#options;
    const connection = new Connection(socket, MAX_GREETING_BYTES, this.#limits, world, {
      onFrame: (kind, payload) => {
        timer.cancel();
        this.#onGreeting(connection, identity, kind, payload);
      },
      onClose: () => timer.cancel(),
    });
    const timer = world.clock.after(this.#limits.handshakeTimeoutMs, () =>
      connection.close('it did not greet in time'),
    );
  }

  #onGreeting(connection: Connection, identity: PeerIdentity, kind: number, payload: Buffer): void {
    if (kind !== FrameKind.Hello) throw new WireError('it did not greet');
    const hello = parseHello(payload);
    const refusal = this.#refusalOf(hello, identity);
    if (refusal !== null) {
      this.#refuse(connection, identity, hello, refusal);
      return;
    }
    const { self, table } = this.#options;
    connection.write(welcomeFrame(self, table, hello));
    if (isWorthwhile(self, hello)) connection.compress(this.compression);
    this.#learn(hello);
    this.#inbound.set(connection, hello);
    connection.established(this.#serve(connection, hello));
    connection.keepAlive(idleTimeoutOf(hello.channel, this.#limits));
  }

  #refusalOf(hello: Hello, identity: PeerIdentity): Refusal | null {
    if (this.#closed) return { code: 'not_ready', reason: 'it is shutting down' };
    return refusalOf(hello, identity, this.#options.self, this.#options.table);
  }

  #refuse(connection: Connection, identity: PeerIdentity, hello: Hello, refusal: Refusal): void {
    const { logger } = this.#options.world;
    const fields = { peer: hello.memberId, name: identity.name, code: refusal.code };
    logger.warn({ ...fields, reason: refusal.reason }, 'refused a peer');
    connection.write(refusalFrame(refusal));
    if (refusal.code === 'cluster') this.#stopIfSuperseded(hello);
    connection.end('refused');
  }

  /** Whoever is of a later epoch tells that this one is over, whether it was let in or not. */
  #stopIfSuperseded({ epoch, clusterId }: Hello): void {
    const { self, table, onRefused } = this.#options;
    const own = table.epoch ?? 0;
    if (own === 0 || epoch <= own || clusterId !== self.clusterId) return;
    onRefused(supersededText(own, epoch), 'superseded');
  }

  #serve(connection: Connection, hello: Hello): ConnectionHandler {
    const from = hello.memberId;
    const onClose = (): void => {
      this.#inbound.delete(connection);
    };
    if (hello.channel === 'snapshot') {
      this.#supersede(connection, from);
      const handler: SnapshotHandler = {
        part: () => this.#handler?.snapshotPart() ?? null,
        take: (...snapshot) => this.#onSnapshot(from, ...snapshot),
      };
      return new SnapshotReceiver(connection, handler, onClose);
    }
    if (hello.channel === 'raft') {
      const onClock = (nowMs: number): void => this.#onClock(from, nowMs);
      return { onFrame: this.#messageTaker(from), onClose, onClock };
    }
    const server = new RequestServer(connection, this.#limits.maxRequests, (kind, body) =>
      this.#onRequest(from, kind, body),
    );
    return { onFrame: requestTaker(server), onClose };
  }

  /** Who dials again has given the stream up that it had, though its end may not be heard of yet. */
  #supersede(newest: Connection, from: number): void {
    for (const [connection, { memberId, channel }] of this.#inbound) {
      if (connection === newest || memberId !== from || channel !== 'snapshot') continue;
      connection.close('another snapshot stream was begun');
    }
  }

  #messageTaker(from: number): (kind: number, payload: Buffer) => void {
    return (kind, payload) => {
      if (kind !== FrameKind.Message) throw new WireError(`unexpected frame ${kind}`);
      this.#onMessage(from, payload);
    };
  }

  async #onSnapshot(
    from: number,
    message: Message,
    chunks: AsyncIterable<Uint8Array>,
    offset: number,
  ): Promise<void> {
    if (message.from !== from) throw new WireError(`member ${from} speaks for ${message.from}`);
    if (this.#handler === null) throw new Error('not ready');
    await this.#handler.snapshot(from, message, chunks, offset);
  }

  async #onRequest(from: number, kind: RequestKind, body: Uint8Array): Promise<Uint8Array> {
    if (this.#handler === null) throw new ConsensusError('stopped', 'not ready');
    try {
      return await this.#handler.request(from, kind, body);
    } catch (error) {
      if (!isExpected(error)) this.#tellUnexpected(from, kind, error);
      throw error;
    }
  }

  /** Who asked hears only that there is no answer. */
  #tellUnexpected(member: number, kind: RequestKind, error: unknown): void {
    const fields = { member, kind, trace: traceOf(error) };
    this.#options.world.logger.error(fields, 'a request of a member failed unexpectedly');
  }

  #sweepLater(): void {
    this.#timer = this.#options.world.clock.after(SWEEP_INTERVAL_MS, () => {
      this.#requests.sweep();
      this.#sweepLater();
    });
  }
}

function requestTaker(server: RequestServer): (kind: number, payload: Buffer) => void {
  return (kind, payload) => {
    if (kind !== FrameKind.Request) throw new WireError(`unexpected frame ${kind}`);
    server.onRequest(payload);
  };
}

/** A member that does not lead, stops or has too much to do refuses requests every day. */
function isExpected(error: unknown): boolean {
  const kinds = [ConsensusError, EngineError, PeerRequestError];
  return kinds.some((kind) => error instanceof kind);
}

function isSamePlace(a: PeerAddress, b: PeerAddress): boolean {
  return a.address === b.address && a.otherAddress === b.otherAddress && a.name === b.name;
}
