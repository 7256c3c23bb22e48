import { FrameKind, type PeerSocket, type SocketHandler } from '../../consensus/index.ts';
import type { SimulatedNetwork } from './network.ts';
import type { Process } from './process.ts';

/** Position of a frame's kind, behind its length. */
const KIND_AT = 4;
/** More than this on its way, and a writer is asked to wait. */
const WINDOW_BYTES = 256 * 1024;
/** Share of what leaves together that arrives in two pieces. */
const SPLIT = 0.2;
/** By how much later messages may overtake one, milliseconds. */
const OVERTAKEN_MS = 60;

/** A process at the end of a cable, on the machine of that name. */
export interface SocketEnd {
  readonly name: string;
  readonly process: Process;
}

/** One connection between two machines: a socket at each end. */
export class Cable {
  readonly near: SimulatedSocket;
  readonly channel: string;
  readonly #network: SimulatedNetwork;
  readonly #to: string;
  #far: SimulatedSocket | null = null;
  #closed = false;

  constructor(network: SimulatedNetwork, dialler: SocketEnd, to: string, channel: string) {
    this.#network = network;
    this.#to = to;
    this.channel = channel;
    this.near = new SimulatedSocket(network, this, dialler);
  }

  get closed(): boolean {
    return this.#closed;
  }

  touches(name: string): boolean {
    return this.near.place.name === name || this.#to === name;
  }

  accept(process: Process): PeerSocket {
    this.#far = new SimulatedSocket(this.#network, this, { name: this.#to, process });
    return this.#far;
  }

  other(socket: SimulatedSocket): SimulatedSocket | null {
    return socket === this.near ? this.#far : this.near;
  }

  /** Nothing more is sent; what is on its way arrives. */
  close(): void {
    this.#closed = true;
    this.#network.forget(this);
  }

  /** Both ends hear of it, each in its own time. */
  break(reason: string): void {
    if (this.#closed) return;
    this.close();
    this.near.hearClose(reason);
    this.#far?.hearClose(reason);
  }

  /** The process at one end is gone. */
  abandon(name: string, silently: boolean): void {
    this.close();
    const left = this.near.place.name === name ? this.#far : this.near;
    if (silently || left === null || this.#network.isCut(name, left.place.name)) return;
    left.hearClose('connection reset');
  }

  /** The ways are open again. */
  resend(): void {
    this.near.resend();
    this.#far?.resend();
  }
}

/** One end of a {@link Cable}. */
export class SimulatedSocket implements PeerSocket {
  readonly place: SocketEnd;
  readonly #network: SimulatedNetwork;
  readonly #cable: Cable;
  #handler: SocketHandler | null = null;
  /** Written in this turn. */
  #written: Uint8Array[] = [];
  /** On its way, in order. */
  #pipe: Buffer[] = [];
  /** How many of them are due: more than none only while the way is cut. */
  #due = 0;
  #underWayBytes = 0;
  /** Of what was sent last: the stream keeps its order. */
  #lastArrivalMs = 0;
  #paused = false;
  /** Arrived while paused. */
  #unread: Buffer[] = [];
  #waiters: (() => void)[] = [];
  #isOver = false;

  constructor(network: SimulatedNetwork, cable: Cable, end: SocketEnd) {
    this.#network = network;
    this.#cable = cable;
    this.place = end;
  }

  get queuedBytes(): number {
    return this.#underWayBytes;
  }

  start(handler: SocketHandler): void {
    this.#handler = handler;
  }

  write(bytes: Uint8Array): void {
    if (!this.#mayWrite()) return;
    const { mood } = this.#network;
    if (this.#network.chance(mood.breakage)) return this.#cable.break('connection reset');
    if (this.#cable.channel !== 'raft' || bytes[KIND_AT] !== FrameKind.Message) {
      return this.#put(bytes);
    }
    if (this.#network.chance(mood.loss)) return;
    if (this.#network.chance(mood.duplication)) this.#put(bytes);
    if (!this.#network.chance(mood.reordering)) return this.#put(bytes);
    const delayMs = this.#network.between(1, OVERTAKEN_MS);
    this.#network.scheduler.after(delayMs, 'overtaken', this.place.process, () => {
      if (this.#mayWrite()) this.#put(bytes);
    });
  }

  async drained(): Promise<void> {
    if (this.#underWayBytes < WINDOW_BYTES || this.#isOver || this.#cable.closed) return;
    await new Promise<void>((resolve) => {
      this.#waiters.push(resolve);
    });
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#network.scheduler.after(0, 'read', this.place.process, () => this.#read());
  }

  end(): void {
    if (!this.#mayWrite()) return;
    this.#flush();
    this.destroy();
    this.#isOver = false;
    this.hearClose(null);
  }

  destroy(): void {
    if (this.#isOver || !this.place.process.alive) return;
    this.#isOver = true;
    this.#release();
    if (this.#cable.closed) return;
    this.#cable.close();
    const other = this.#cable.other(this);
    if (other === null || this.#network.isCut(this.place.name, other.place.name)) return;
    other.hearClose(null);
  }

  /** Tells the owner that it is over, behind what is still on its way to it. */
  hearClose(reason: string | null): void {
    const { scheduler } = this.#network;
    const lastMs = this.#cable.other(this)?.lastArrivalMs ?? 0;
    const delayMs = Math.max(this.#network.travelMs(), lastMs - scheduler.nowMs + 0.001);
    scheduler.after(delayMs, 'close', this.place.process, () => {
      if (this.#isOver) return;
      this.#isOver = true;
      this.#release();
      this.#handler?.onClose(reason);
    });
  }

  get lastArrivalMs(): number {
    return this.#lastArrivalMs;
  }

  /** What did not get through is sent again. */
  resend(): void {
    const other = this.#cable.other(this);
    if (this.#due === 0 || other === null) return;
    this.#network.scheduler.after(this.#network.travelMs(), 'resend', other.place.process, () =>
      this.#deliver(other),
    );
  }

  #mayWrite(): boolean {
    return !this.#isOver && !this.#cable.closed && this.place.process.alive;
  }

  #put(bytes: Uint8Array): void {
    if (this.#written.length === 0) {
      this.#network.scheduler.after(0, 'flush', this.place.process, () => this.#flush());
    }
    this.#written.push(bytes);
  }

  #flush(): void {
    if (this.#written.length === 0 || this.#cable.closed) return;
    const bytes = Buffer.concat(this.#written);
    this.#written = [];
    this.#underWayBytes += bytes.length;
    if (bytes.length < 2 || !this.#network.chance(SPLIT)) return this.#send(bytes);
    const cut = this.#network.between(1, bytes.length - 1);
    this.#send(bytes.subarray(0, cut));
    this.#send(bytes.subarray(cut));
  }

  #send(piece: Buffer): void {
    const { scheduler } = this.#network;
    const other = this.#cable.other(this);
    if (other === null) return;
    const arrivalMs = Math.max(
      scheduler.nowMs + this.#network.travelMs(),
      this.#lastArrivalMs + 0.001,
    );
    this.#lastArrivalMs = arrivalMs;
    this.#pipe.push(piece);
    const what = `read ${this.place.name} ${piece.length}`;
    scheduler.after(arrivalMs - scheduler.nowMs, what, other.place.process, () => {
      this.#due += 1;
      this.#deliver(other);
    });
  }

  #deliver(other: SimulatedSocket): void {
    while (this.#due > 0 && !this.#network.isCut(this.place.name, other.place.name)) {
      const piece = this.#pipe.shift();
      if (piece === undefined) throw new Error('more arrived than was sent');
      this.#due -= 1;
      this.#underWayBytes -= piece.length;
      other.#hear(piece);
    }
    if (this.#underWayBytes < WINDOW_BYTES && this.#waiters.length > 0) {
      this.#network.scheduler.after(0, 'drain', this.place.process, () => this.#release());
    }
  }

  #hear(piece: Buffer): void {
    this.#unread.push(piece);
    if (this.#unread.length === 1) this.#read();
  }

  #read(): void {
    while (!this.#paused && !this.#isOver) {
      const piece = this.#unread.shift();
      if (piece === undefined) return;
      this.#handler?.onData(piece);
    }
  }

  #release(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }
}
