import type { PayloadCodec } from '../log/index.ts';
import { ClientLink } from './client-link.ts';
import {
  BrokenPromise,
  Durability,
  Elections,
  LastWrites,
  Lives,
  requireAbleMembers,
  requireBoundStamp,
  StateHashes,
  Upsets,
} from './invariants/index.ts';
import {
  Machine,
  type MachinePlace,
  type MachineWatch,
  type MachineWorld,
  type Sabotage,
} from './machine.ts';
import type { Plan } from './plan.ts';
import { LIFE_RULES, workloadSpec } from './workload/index.ts';
import {
  CALM_NETWORK,
  Scheduler,
  SeededRandom,
  SimulatedNetwork,
  type Trace,
} from './world/index.ts';

const PEER_PORT = 10080;
/** Where the learners are. */
export const FAR_REGION = 'far';

/** A whole cluster, its clients' links, and whoever watches that promises are kept. */
export class SimulatedCluster {
  readonly scheduler: Scheduler;
  readonly network: SimulatedNetwork;
  readonly machines: readonly Machine[];
  readonly clients: ClientLink;
  readonly random: SeededRandom;
  readonly durability: Durability;
  /** Null once an epoch is over: who is of the old one may lead in terms of the new one. */
  elections: Elections | null = new Elections();
  readonly stateHashes = new StateHashes();
  readonly upsets = new Upsets();
  /** Null where no model is written on every node. */
  readonly lastWrites: LastWrites | null;
  /** Null where no model has rows with declared lives. */
  readonly lives: Lives | null;
  /** Hears of processes that ended by themselves. */
  onEnded: (machine: Machine, error: unknown) => void = () => {};
  /** Hears of members whose removal is about to be asked for. */
  onParting: (machine: Machine) => void = () => {};
  #failure: Error | null = null;
  /** The highest index that was applied anywhere. */
  #applied = 0;
  /** Log time as each index was applied. */
  readonly #times = new Map<number, number>();

  constructor(plan: Plan, trace: Trace, sabotage: Sabotage) {
    this.random = new SeededRandom(plan.seed).fork();
    this.lastWrites = plan.eventual ? new LastWrites() : null;
    this.lives = plan.lives ? new Lives(LIFE_RULES) : null;
    this.scheduler = new Scheduler(trace);
    this.network = new SimulatedNetwork(this.scheduler, this.random.fork());
    this.network.mood = { ...CALM_NETWORK, latencyMs: plan.latencyMs };
    const { learners } = plan.growth;
    const numbers = Array.from({ length: plan.nodes + learners }, (_, at) => at + 1);
    const world: MachineWorld = {
      scheduler: this.scheduler,
      network: this.network,
      initialCluster: numbers.map((n) => ({ name: `n${n}`, address: `n${n}:${PEER_PORT}` })),
      disk: { sectorBytes: plan.sectorBytes, writesNow: plan.writesNow },
      spec: workloadSpec({}, plan),
      consensus: plan.consensus,
      log: { ...plan.log, codec: codecOf(plan) },
      mixedVersions: plan.mixedVersions,
      sabotage,
      machine: (name) => this.machines.find((machine) => machine.name === name),
    };
    this.machines = numbers.map(
      (number) =>
        new Machine(number, placeOf(plan, number), world, this.random.fork(), this.#watch()),
    );
    this.clients = new ClientLink(this.scheduler, this.network, this.machines, this.random.fork());
    this.durability = new Durability(this.machines);
  }

  /** Log time when an index was applied, epoch milliseconds; undefined where nobody applied it. */
  timeAt(index: number): number | undefined {
    return this.#times.get(index);
  }

  /** Commits that anybody has seen. */
  get applied(): number {
    return this.#applied;
  }

  /**
   * Lets time pass until the condition holds, or for `maxMs`; whether it held.
   *
   * @throws BrokenPromise as soon as an invariant does not hold
   */
  async until(condition: () => boolean, maxMs: number): Promise<boolean> {
    const isOver = (): boolean => this.#failed() !== null || condition();
    await this.scheduler.runUntil(this.scheduler.nowMs + maxMs, isOver);
    const failure = this.#failed();
    if (failure !== null) throw failure;
    return condition();
  }

  /** Lets time pass until the promise is settled; false where it is not within `maxMs`. */
  async settled(promise: Promise<unknown>, maxMs: number): Promise<boolean> {
    const outcome: { over: boolean; failure: unknown } = { over: false, failure: null };
    void promise
      .catch((error: unknown) => {
        outcome.failure = error;
      })
      .finally(() => {
        outcome.over = true;
      });
    const isOver = await this.until(() => outcome.over, maxMs);
    if (outcome.failure !== null) throw new BrokenPromise('progress', reasonOf(outcome.failure));
    return isOver;
  }

  fail(error: Error): void {
    this.#failure ??= error;
  }

  tell(text: string): void {
    this.scheduler.trace.tell(this.scheduler.nowMs, '-', text);
  }

  #failed(): Error | null {
    return this.#failure ?? this.durability.failure;
  }

  #watch(): MachineWatch {
    return {
      onState: (machine, state) => {
        this.#guard(() => this.stateHashes.check(machine.name, state));
        this.#guard(() => this.lastWrites?.onState(machine.name, state));
        this.#guard(() => this.lives?.onApplied(machine.name, state));
      },
      onOrdered: (machine, state, data, outcome) =>
        this.#guard(() => this.lastWrites?.onOrdered(machine.name, state, data, outcome)),
      onTaken: ({ index, aggregates }) => this.lastWrites?.onTaken(index, aggregates),
      onApplied: (machine, index, state) => {
        this.#applied = Math.max(this.#applied, index);
        this.#times.set(index, state.logTimeMs);
        this.#guard(() => requireAbleMembers(state, this.machines));
        this.#guard(() => this.stateHashes.onApplied(machine.name, index, state));
        this.#guard(() => this.lives?.onApplied(machine.name, state));
      },
      onSend: (message) => {
        this.upsets.onSend(message, this.scheduler.nowMs);
        this.#guard(() => this.elections?.onSend(message));
      },
      onCrash: () => this.upsets.onCrash(this.scheduler.nowMs),
      onResume: () => this.upsets.onResume(this.scheduler.nowMs),
      onStamp: (machine, stampMs, isBound) =>
        this.#guard(() => this.#checkStamp(machine, stampMs, isBound)),
      onAcknowledged: (_machine, index) => this.durability.onAcknowledged(index),
      onEnded: (machine, error) => this.onEnded(machine, error),
    };
  }

  #checkStamp({ name, core }: Machine, stampMs: number, isBound: boolean): void {
    const voters = core?.consensus?.confState.voters ?? [];
    const reachedMs = voters.map((id) => {
      const machine = this.machines.find(({ memberId }) => memberId === id);
      return machine?.clock.reachedMs ?? null;
    });
    requireBoundStamp({ by: name, stampMs, isBound, reachedMs });
  }

  /** What the watch finds is not the node's business: it must not run into the node's own code. */
  #guard(check: () => void): void {
    try {
      check();
    } catch (error) {
      this.fail(error instanceof Error ? error : new Error(String(error)));
    }
  }
}

function placeOf({ nodes, growth }: Plan, number: number): MachinePlace {
  if (growth.learners === 0) return { role: 'voter', region: null };
  return number > nodes
    ? { role: 'learner', region: FAR_REGION }
    : { role: 'voter', region: 'near' };
}

function reasonOf(failure: unknown): string {
  return failure instanceof Error ? failure.message : JSON.stringify(failure);
}

function codecOf({ codec }: Plan): () => PayloadCodec {
  if (codec !== 'mixed') return () => codec;
  let asked = 0;
  return () => (asked++ % 2 === 0 ? 'binary' : 'json');
}
