import type { PeerNetwork, PeerSocket, SocketTaker } from '../../consensus/index.ts';
import type { Process } from './process.ts';
import type { Scheduler } from './scheduler.ts';
import type { SeededRandom } from './seeded-random.ts';
import { Cable, type SocketEnd } from './socket.ts';

/** How the network behaves now; set by whoever plans faults. Probabilities from 0 to 1. */
export interface NetworkMood {
  /** Usual time of a way, milliseconds; each takes from half to one and a half of it. */
  latencyMs: number;
  /** Of a piece that takes much longer than usual, so that others overtake it. */
  straggle: number;
  straggleMs: number;
  /** Of a connection that breaks as something is sent on it. */
  breakage: number;
  /** Of a raft message that is lost, that arrives twice, that later ones overtake. */
  loss: number;
  duplication: number;
  reordering: number;
}

export const CALM_NETWORK: NetworkMood = {
  latencyMs: 0.3,
  straggle: 0,
  straggleMs: 0,
  breakage: 0,
  loss: 0,
  duplication: 0,
  reordering: 0,
};

/** A process that listens. */
interface Host {
  readonly process: Process;
  taker: SocketTaker | null;
}

/** The network between machines, which are known by name. */
export class SimulatedNetwork {
  mood: NetworkMood = { ...CALM_NETWORK };
  readonly #scheduler: Scheduler;
  readonly #random: SeededRandom;
  readonly #hosts = new Map<string, Host>();
  readonly #cut = new Set<string>();
  #cables = new Set<Cable>();

  constructor(scheduler: Scheduler, random: SeededRandom) {
    this.#scheduler = scheduler;
    this.#random = random;
  }

  get scheduler(): Scheduler {
    return this.#scheduler;
  }

  /** Nothing gets from one machine to the other any more; the other way round it may. */
  cut(from: string, to: string): void {
    this.#cut.add(`${from}>${to}`);
  }

  isCut(from: string, to: string): boolean {
    return this.#cut.has(`${from}>${to}`);
  }

  /** All ways are open again; what waited on them goes on, as TCP sends again. */
  heal(): void {
    this.#cut.clear();
    for (const cable of this.#cables) cable.resend();
  }

  /** Breaks all connections of a machine, or all there are. */
  breakConnections(name: string | null): void {
    for (const cable of this.#cables)
      if (name === null || cable.touches(name)) cable.break('connection reset');
  }

  /** The machine's process is gone. Its peers hear of it, unless the machine went with it. */
  vanish(name: string, silently: boolean): void {
    this.#hosts.delete(name);
    for (const cable of this.#cables) if (cable.touches(name)) cable.abandon(name, silently);
  }

  /** The peer port of a machine's process. */
  peerNetwork(name: string, process: Process): PeerNetwork {
    const host: Host = { process, taker: null };
    this.#hosts.set(name, host);
    return {
      accept: (taker) => {
        host.taker = taker;
      },
      connect: (peer, channel, onConnected) =>
        this.#connect({ name, process }, peer.name, channel, onConnected),
    };
  }

  isListening(name: string): boolean {
    return this.#hosts.has(name);
  }

  /** The time that something sent now takes. */
  travelMs(): number {
    const { latencyMs, straggle, straggleMs } = this.mood;
    const lateMs = this.chance(straggle) ? straggleMs * this.#random.fraction() : 0;
    return latencyMs * (0.5 + this.#random.fraction()) + lateMs;
  }

  chance(probability: number): boolean {
    return probability > 0 && this.#random.chance(probability);
  }

  /** An integer from 1 to `most`. */
  between(least: number, most: number): number {
    return this.#random.between(least, most);
  }

  forget(cable: Cable): void {
    this.#cables.delete(cable);
  }

  #connect(dialler: SocketEnd, to: string, channel: string, onConnected: () => void): PeerSocket {
    const cable = new Cable(this, dialler, to, channel);
    this.#cables.add(cable);
    if (this.isCut(dialler.name, to)) return cable.near;
    this.#scheduler.after(this.travelMs(), 'dial', null, () => {
      const host = this.#hosts.get(to);
      const taker = host?.taker ?? null;
      if (host === undefined || taker === null || !host.process.alive) {
        cable.break('connection refused');
        return;
      }
      this.#scheduler.after(0, 'accept', host.process, () => {
        taker(cable.accept(host.process), { kind: 'member', name: dialler.name });
      });
      if (this.isCut(to, dialler.name)) return;
      this.#scheduler.after(this.travelMs(), 'dialled', dialler.process, () => {
        if (!cable.closed) onConnected();
      });
    });
    return cable.near;
  }
}
