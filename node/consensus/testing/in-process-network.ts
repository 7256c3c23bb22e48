import { decodeMessage, encodeMessage, type Message, type MessageType } from 'etcd-raft-ts';
import { PeerRequestError } from '../errors.ts';
import type {
  PeerAddress,
  PeerHandler,
  PeerTransport,
  RequestKind,
  SnapshotContent,
} from '../ports.ts';

/** A network in one process that a test can cut. Messages pass through their binary form. */
export class InProcessNetwork {
  readonly transports = new Map<number, InProcessTransport>();
  readonly #cut = new Set<string>();
  readonly #defer: (callback: () => void) => void;
  /** Types of messages that are lost on their way. */
  readonly lost = new Set<MessageType>();

  constructor(defer: (callback: () => void) => void) {
    this.#defer = defer;
  }

  transport(id: number): InProcessTransport {
    const transport = new InProcessTransport(id, this);
    this.transports.set(id, transport);
    return transport;
  }

  /** Cuts a member off in both directions. */
  isolate(id: number): void {
    for (const other of this.transports.keys()) {
      this.#cut.add(`${id}>${other}`);
      this.#cut.add(`${other}>${id}`);
    }
  }

  heal(): void {
    this.#cut.clear();
  }

  /** The handler of `to`, where it can be reached from `from`. */
  reach(from: number, to: number): PeerHandler | null {
    if (this.#cut.has(`${from}>${to}`)) return null;
    return this.transports.get(to)?.handler ?? null;
  }

  later(callback: () => void): void {
    this.#defer(callback);
  }
}

/** One member's end of an {@link InProcessNetwork}. */
export class InProcessTransport implements PeerTransport {
  readonly #id: number;
  readonly #network: InProcessNetwork;
  handler: PeerHandler | null = null;
  peers: readonly PeerAddress[] = [];
  /** How many requests of which kind were sent from here. */
  requests = 0;
  /** Where snapshots began that were sent from here. */
  readonly snapshotOffsets: number[] = [];
  /** The next snapshots break off after so many bytes of what is sent. */
  readonly cutSnapshots: number[] = [];
  /** Set: answers to requests get lost. */
  loseAnswers = false;

  constructor(id: number, network: InProcessNetwork) {
    this.#id = id;
    this.#network = network;
  }

  start(handler: PeerHandler): void {
    this.handler = handler;
  }

  setPeers(peers: readonly PeerAddress[]): void {
    this.peers = peers;
  }

  send(to: number, message: Message): void {
    if (this.#network.lost.has(message.type)) return;
    const frame = encodeMessage(message);
    this.#network.later(() => {
      this.#network.reach(this.#id, to)?.message(this.#id, decodeMessage(frame));
    });
  }

  request(to: number, kind: RequestKind, body: Uint8Array): Promise<Uint8Array> {
    this.requests++;
    return new Promise((resolve, reject) => {
      this.#network.later(() => {
        const handler = this.#network.reach(this.#id, to);
        if (handler === null) {
          reject(new PeerRequestError(false, 'not connected'));
          return;
        }
        handler.request(this.#id, kind, body).then(
          (answer) => this.#answer(to, () => resolve(answer), reject),
          () => reject(new PeerRequestError(true, 'the peer failed to answer')),
        );
      });
    });
  }

  async sendSnapshot(
    to: number,
    message: Message,
    { identity, from }: SnapshotContent,
  ): Promise<void> {
    const part = this.#network.reach(this.#id, to)?.snapshotPart() ?? null;
    const offset = part?.identity === identity ? part.bytes : 0;
    const copies: Uint8Array[] = [];
    for await (const chunk of from(offset)) copies.push(chunk.slice());
    const handler = this.#network.reach(this.#id, to);
    if (handler === null) throw new Error('not connected');
    this.snapshotOffsets.push(offset);
    const cut = this.cutSnapshots.shift() ?? null;
    const chunks = each(Buffer.concat(copies), cut);
    await handler.snapshot(this.#id, decodeMessage(encodeMessage(message)), chunks, offset);
  }

  close(): Promise<void> {
    this.handler = null;
    return Promise.resolve();
  }

  #answer(to: number, deliver: () => void, reject: (error: Error) => void): void {
    if (this.loseAnswers || this.#network.reach(to, this.#id) === null) {
      reject(new PeerRequestError(true, 'the connection was lost'));
    } else deliver();
  }
}

/** Small pieces; breaks off after `cut` bytes where it is not null. */
async function* each(content: Uint8Array, cut: number | null): AsyncGenerator<Uint8Array> {
  const end = Math.min(cut ?? content.length, content.length);
  for (let at = 0; at < end; at += 100) yield content.subarray(at, Math.min(at + 100, end));
  if (cut !== null) throw new Error('the link was cut');
}
