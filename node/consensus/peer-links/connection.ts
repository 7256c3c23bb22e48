import type { TimerHandle } from '../../ports/index.ts';
import { WireError } from '../errors.ts';
import { encodeFrame, FrameKind, FrameReader } from '../wire/index.ts';
import { type CompressionFigures, restored, smaller } from './compression.ts';
import type { PeerSocket } from './socket.ts';
import type { LinkLimits, LinkWorld } from './types.ts';

const CLOCK_BYTES = 8;
const PONG = encodeFrame(FrameKind.Pong);

/** What a connection tells its owner. `onFrame` may throw: the connection is closed then. */
export interface ConnectionHandler {
  onFrame(kind: number, payload: Buffer): void;
  /** Once, whatever the reason. */
  onClose(reason: string): void;
  /** The clock of the other side as it was when it asked; milliseconds since the epoch. */
  onClock?(nowMs: number): void;
}

/**
 * A socket that carries frames. A side that hears nothing for too long gives up, because TCP alone
 * notices a cut network much too late.
 */
export class Connection {
  readonly #socket: PeerSocket;
  readonly #reader: FrameReader;
  readonly #limits: LinkLimits;
  readonly #world: LinkWorld;
  #handler: ConnectionHandler;
  #closed = false;
  /** Pings since something was last heard. Counting them makes a pause of this process harmless. */
  #unanswered = 0;
  #timer: TimerHandle | null = null;
  /** Set where frames are made smaller, in both directions. */
  #compression: CompressionFigures | null = null;
  #reason = 'closed by the peer';

  constructor(
    socket: PeerSocket,
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
    socket.start({
      onData: (chunk) => this.#onData(chunk),
      onClose: (reason) => {
        if (reason === null) this.#onClosed();
        else this.close(reason);
      },
    });
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Bytes written and not yet taken by the network. */
  get queuedBytes(): number {
    return this.#socket.queuedBytes;
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

  /** Longer frames are made smaller from now on; the other side has agreed. */
  compress(figures: CompressionFigures): void {
    this.#compression = figures;
  }

  write(frame: Uint8Array): void {
    if (this.#closed) return;
    const compression = this.#compression;
    this.#socket.write(compression === null ? frame : smaller(frame, compression));
  }

  /** Resolves once the socket takes more; at once where it does. */
  async drained(): Promise<void> {
    if (this.#closed) throw new Error(this.#reason);
    await this.#socket.drained();
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
    this.#socket.end();
    this.#world.clock.after(1000, () => this.#socket.destroy());
  }

  close(reason: string): void {
    if (this.#closed) return;
    this.#reason = reason;
    this.#socket.destroy();
    this.#onClosed();
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
    if (kind === FrameKind.Ping) this.#onPing(payload);
    else if (kind === FrameKind.Compressed) this.#onCompressed(payload);
    else if (kind !== FrameKind.Pong) this.#handler.onFrame(kind, payload);
  }

  #onPing(payload: Buffer): void {
    this.write(PONG);
    if (payload.length === CLOCK_BYTES) this.#handler.onClock?.(payload.readDoubleBE(0));
  }

  #onCompressed(payload: Buffer): void {
    if (this.#compression === null) throw new WireError('nobody agreed to compressed frames');
    const frame = restored(payload, this.#limits.maxFrameBytes);
    this.#handler.onFrame(frame.kind, frame.payload);
  }

  #onPingTimer(idleTimeoutMs: number): void {
    if (this.#closed) return;
    const silentMs = this.#unanswered * this.#limits.pingIntervalMs;
    if (silentMs >= idleTimeoutMs) {
      this.close(`nothing heard for ${silentMs} ms`);
      return;
    }
    this.#unanswered++;
    const clock = Buffer.alloc(CLOCK_BYTES);
    clock.writeDoubleBE(this.#world.clock.nowMs(), 0);
    this.write(encodeFrame(FrameKind.Ping, clock));
    this.keepAlive(idleTimeoutMs);
  }

  #onClosed(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer?.cancel();
    this.#handler.onClose(this.#reason);
  }
}
