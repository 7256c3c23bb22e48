import type { TLSSocket } from 'node:tls';
import type { TimerHandle } from '../../ports/index.ts';
import { encodeFrame, FrameKind, FrameReader } from '../wire/index.ts';
import type { LinkLimits, LinkWorld } from './types.ts';

const PING = encodeFrame(FrameKind.Ping);
const PONG = encodeFrame(FrameKind.Pong);

/** What a connection tells its owner. `onFrame` may throw: the connection is closed then. */
export interface ConnectionHandler {
  onFrame(kind: number, payload: Buffer): void;
  /** Once, whatever the reason. */
  onClose(reason: string): void;
}

/**
 * A mutual-TLS socket that carries frames. Writes of one turn leave together; a side that hears
 * nothing for too long gives up, because TCP alone notices a cut network much too late.
 */
export class Connection {
  readonly #socket: TLSSocket;
  readonly #reader: FrameReader;
  readonly #limits: LinkLimits;
  readonly #world: LinkWorld;
  #handler: ConnectionHandler;
  #corked = false;
  #closed = false;
  /** Pings since something was last heard. Counting them makes a pause of this process harmless. */
  #unanswered = 0;
  #timer: TimerHandle | null = null;
  #reason = 'closed by the peer';

  constructor(
    socket: TLSSocket,
    maxFrameBytes: number,
    limits: LinkLimits,
    world: LinkWorld,
    handler: ConnectionHandler,
  ) {
    this.#socket = socket;
    this.#reader = new FrameReader(maxFrameBytes);
    this.#limits = limits;
    this.#world = world;
    this.#handler = handler;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('error', (error) => this.close(error.message));
    socket.on('close', () => this.#onClosed());
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Bytes written and not yet taken by the kernel. */
  get queuedBytes(): number {
    return this.#socket.writableLength;
  }

  /** The greeting is over: longer frames are accepted, and somebody else takes them. */
  established(handler: ConnectionHandler): void {
    this.#handler = handler;
    this.#reader.maxBytes = this.#limits.maxFrameBytes;
  }

  /** Begins to ping, and to give up where nothing comes back. */
  keepAlive(idleTimeoutMs: number): void {
    this.#timer = this.#world.clock.after(this.#limits.pingIntervalMs, () =>
      this.#onPingTimer(idleTimeoutMs),
    );
  }

  write(frame: Uint8Array): void {
    if (this.#closed) return;
    if (!this.#corked) {
      this.#corked = true;
      this.#socket.cork();
      process.nextTick(() => this.#uncork());
    }
    this.#socket.write(frame);
  }

  /** Resolves once the socket takes more; at once where it does. */
  async drained(): Promise<void> {
    if (this.#closed) throw new Error(this.#reason);
    this.#uncork();
    if (!this.#socket.writableNeedDrain) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#socket.off('drain', done);
        this.#socket.off('close', done);
        resolve();
      };
      this.#socket.on('drain', done);
      this.#socket.on('close', done);
    });
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Sends what was written, then ends. */
  end(reason: string): void {
    if (this.#closed) return;
    this.#reason = reason;
    this.#uncork();
    this.#socket.end();
    this.#world.clock.after(1000, () => this.#socket.destroy());
  }

  close(reason: string): void {
    if (this.#closed) return;
    this.#reason = reason;
    this.#socket.destroy();
    this.#onClosed();
  }

  #uncork(): void {
    if (!this.#corked) return;
    this.#corked = false;
    this.#socket.uncork();
  }

  #onData(chunk: Buffer): void {
    if (this.#closed) return;
    this.#unanswered = 0;
    try {
      this.#reader.push(chunk, (kind, payload) => this.#onFrame(kind, payload));
    } catch (error) {
      this.close(error instanceof Error ? error.message : String(error));
    }
  }

  #onFrame(kind: number, payload: Buffer): void {
    if (this.#closed) return;
    if (kind === FrameKind.Ping) this.write(PONG);
    else if (kind !== FrameKind.Pong) this.#handler.onFrame(kind, payload);
  }

  #onPingTimer(idleTimeoutMs: number): void {
    if (this.#closed) return;
    const silentMs = this.#unanswered * this.#limits.pingIntervalMs;
    if (silentMs >= idleTimeoutMs) {
      this.close(`nothing heard for ${silentMs} ms`);
      return;
    }
    this.#unanswered++;
    this.write(PING);
    this.keepAlive(idleTimeoutMs);
  }

  #onClosed(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer?.cancel();
    this.#handler.onClose(this.#reason);
  }
}
