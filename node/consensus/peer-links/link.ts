import type { TimerHandle } from '../../ports/index.ts';
import type { PeerAddress } from '../ports.ts';
import type { Connection } from './connection.ts';
import { type DialContext, DialError, dial } from './dial.ts';
import { type Channel, type FinalRefusal, isFinal } from './types.ts';

/** What a link tells its owner. */
export interface LinkHandler {
  onFrame(connection: Connection, kind: number, payload: Buffer): void;
  onUp(connection: Connection): void;
  onDown(connection: Connection): void;
  /** The connection broke, and dialling again did not bring another one. */
  onGone(): void;
  /** The peer says that this member must not go on as it is. */
  onRefused(reason: string, code: FinalRefusal): void;
}

/** Different problems that are remembered as told. */
const MOST_TOLD = 16;

/** One persistent connection to a peer: dialled again, with a capped back-off, until it is closed. */
export class Link {
  readonly peer: PeerAddress;
  readonly channel: Channel;
  readonly #context: () => DialContext;
  readonly #handler: LinkHandler;
  #connection: Connection | null = null;
  #timer: TimerHandle | null = null;
  #attempts = 0;
  #closed = false;
  /** The connection broke, and dialling again has not ended yet. */
  #broken = false;
  /** Problems that were told since it was last up. */
  readonly #told = new Set<string>();
  #place: PeerAddress;

  constructor(
    peer: PeerAddress,
    channel: Channel,
    context: () => DialContext,
    handler: LinkHandler,
  ) {
    this.peer = peer;
    this.#place = peer;
    this.channel = channel;
    this.#context = context;
    this.#handler = handler;
    this.#dial();
  }

  /** Null while the link is down. */
  get connection(): Connection | null {
    return this.#connection;
  }

  /** The peer with the address that it was last reached at, or that is tried now. */
  get place(): PeerAddress {
    return this.#place;
  }

  close(reason: string): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#connection?.close(reason);
  }

  #dial(): void {
    this.#connect().catch((error: unknown) => this.#onFailed(error));
  }

  async #connect(): Promise<void> {
    const connection = await dial(this.#context(), this.#place, this.channel, {
      onFrame: (kind, payload) => this.#onFrame(kind, payload),
      onClose: (reason) => this.#onClose(reason),
    });
    this.#onUp(connection);
  }

  #onFrame(kind: number, payload: Buffer): void {
    if (this.#connection !== null) this.#handler.onFrame(this.#connection, kind, payload);
  }

  #onUp(connection: Connection): void {
    if (this.#closed || connection.closed) {
      connection.close('the link was closed');
      if (!this.#closed) this.#retry();
      return;
    }
    this.#connection = connection;
    this.#broken = false;
    this.#attempts = 0;
    this.#told.clear();
    const { id, name } = this.peer;
    this.#log('info', `connected to member ${id} (${name})`, '');
    this.#handler.onUp(connection);
  }

  #onClose(reason: string): void {
    const connection = this.#connection;
    if (connection === null) return;
    this.#connection = null;
    this.#handler.onDown(connection);
    if (this.#closed) return;
    this.#broken = true;
    this.#log('warn', `lost the connection to member ${this.peer.id} (${this.peer.name})`, reason);
    this.#retry();
  }

  #onFailed(error: unknown): void {
    if (this.#closed) return;
    const reason = error instanceof Error ? error.message : String(error);
    if (error instanceof DialError && isFinal(error.refusal)) {
      this.#handler.onRefused(reason, error.refusal);
    }
    // The same problem is told once, not at every attempt.
    if (!this.#told.has(reason)) {
      const { id, name } = this.peer;
      this.#log('warn', `cannot connect to member ${id} (${name})`, reason);
    }
    if (this.#told.size >= MOST_TOLD) this.#told.clear();
    this.#told.add(reason);
    if (this.#broken && !(error instanceof DialError && error.refusal !== null)) {
      this.#handler.onGone();
    }
    this.#broken = false;
    this.#tryElsewhere();
    this.#retry();
  }

  #tryElsewhere(): void {
    const { address, otherAddress } = this.#place;
    if (otherAddress === undefined) return;
    this.#place = { ...this.#place, address: otherAddress, otherAddress: address };
  }

  #retry(): void {
    const { limits, world } = this.#context();
    const cap = Math.min(limits.maxBackoffMs, limits.minBackoffMs * 2 ** this.#attempts);
    this.#attempts = Math.min(this.#attempts + 1, 16);
    const delayMs = cap * (0.5 + world.random.fraction() / 2);
    this.#timer = world.clock.after(delayMs, () => this.#dial());
  }

  #log(level: 'info' | 'warn', message: string, reason: string): void {
    // One line for both channels of a peer.
    const { logger } = this.#context().world;
    const fields = { peer: this.peer.id, address: this.#place.address, reason };
    if (this.channel === 'raft') logger[level](fields, message);
    else logger.debug({ ...fields, channel: this.channel }, message);
  }
}
