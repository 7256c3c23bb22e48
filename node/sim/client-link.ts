import type { Machine } from './machine.ts';
import {
  type Answer,
  type ClientWorld,
  callListener,
  type Delivery,
  type Request,
} from './workload/index.ts';
import {
  Process,
  type Scheduler,
  type SeededRandom,
  type SimulatedNetwork,
} from './world/index.ts';

/** How the links of clients behave now; probabilities from 0 to 1. */
export interface ClientLinkMood {
  /** Of a request that gets lost on its way. */
  lostRequests: number;
  /** Of an answer that gets lost on its way, after the request was executed. */
  lostAnswers: number;
}

/** Where clients live, outside of the cluster's network. */
export const CLIENTS = 'clients';

/** What a cluster looks like to its clients. */
export class ClientLink implements ClientWorld {
  readonly mood: ClientLinkMood = { lostRequests: 0, lostAnswers: 0 };
  readonly clock: ClientWorld['clock'];
  readonly random: () => number;
  readonly #scheduler: Scheduler;
  readonly #network: SimulatedNetwork;
  readonly #machines: readonly Machine[];
  /** Machines that clients know of. */
  visible: readonly Machine[];

  constructor(
    scheduler: Scheduler,
    network: SimulatedNetwork,
    machines: readonly Machine[],
    random: SeededRandom,
  ) {
    const process = new Process(CLIENTS);
    this.#scheduler = scheduler;
    this.#network = network;
    this.#machines = machines;
    this.visible = machines;
    this.random = () => random.fraction();
    this.clock = {
      nowMs: () => scheduler.nowMs,
      monotonicMs: () => scheduler.nowMs,
      after: (delayMs, callback) => scheduler.after(delayMs, 'client', process, callback),
    };
  }

  nodes(): readonly number[] {
    return this.visible.map(({ number }) => number);
  }

  send(node: number, request: Request): Promise<Delivery> {
    const machine = this.#machines.find(({ number }) => number === node);
    if (machine === undefined) throw new RangeError(`there is no node ${node}`);
    return new Promise((resolve) => {
      const hear = (delivery: Delivery): void => {
        this.#scheduler.after(this.#network.travelMs(), delivery.kind, null, () =>
          resolve(delivery),
        );
      };
      if (this.#network.chance(this.mood.lostRequests)) return hear({ kind: 'lost' });
      const what = `request ${request.method} ${request.target} ${request.body}`;
      this.#scheduler.after(this.#network.travelMs(), what, null, () => {
        this.#arrive(machine, request, hear);
      });
    });
  }

  #arrive(machine: Machine, request: Request, hear: (delivery: Delivery) => void): void {
    const { process, api } = machine;
    if (process === null || api === null) return hear({ kind: 'refused' });
    const serve = async (): Promise<void> => {
      const answer = await callListener(api.apiListener, request);
      // Whoever waits for the answer of a dead process waits in vain.
      if (process.alive) this.#onAnswer(machine, answer, hear);
    };
    this.#scheduler.after(0, 'serve', process, () => void serve());
  }

  #onAnswer(machine: Machine, answer: Answer, hear: (delivery: Delivery) => void): void {
    const { trace, nowMs } = this.#scheduler;
    trace.note(`${nowMs} ${machine.name} answers ${answer.status} ${answer.body}`);
    const isLost = this.#network.chance(this.mood.lostAnswers);
    hear(isLost ? { kind: 'lost' } : { kind: 'answer', answer });
  }
}
