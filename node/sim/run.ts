import { stateHash } from '../state/index.ts';
import { checkHistory, checkLocalWrites, pictureOf } from './checks/index.ts';
import { SimulatedCluster } from './cluster.ts';
import { BrokenPromise, unlessDamaged } from './invariants/index.ts';
import type { Sabotage } from './machine.ts';
import { Nemesis } from './nemesis.ts';
import { drawPlan, type Fault, type Plan } from './plan.ts';
import { finalStateOf, LocalWriters, Workload } from './workload/index.ts';
import { Trace } from './world/index.ts';

/**
 * Virtual time that a cluster has to come up, and to come to rest once all faults are healed: a
 * member that asked to be taken in while it was cut off waits 20 s for an answer that got lost.
 */
const START_MS = 20_000;
const REST_MS = 45_000;
const FINAL_MS = 120_000;
const ALL_VERSIONS = 1_000_000;

/** What came of a run. */
export interface RunReport {
  readonly seed: number;
  readonly plan: Plan;
  /** The same for the same seed and the same code. */
  readonly traceHash: string;
  readonly virtualMs: number;
  readonly events: number;
  readonly operations: number;
  readonly acknowledged: number;
  readonly commits: number;
  readonly diskReads: number;
  readonly statesCompared: number;
  readonly faults: ReadonlyMap<Fault, number>;
  /** Null where every promise was kept. */
  readonly failure: string | null;
  /** The last lines of the trace. */
  readonly end: readonly string[];
}

export interface RunOptions {
  /** Hears every line of the trace. */
  readonly onLine?: (line: string) => void;
  readonly sabotage?: Sabotage;
}

const END_LINES = 60;

/** Runs the world of a seed from its beginning to its end. Never throws. */
export async function runSeed(seed: number, options: RunOptions = {}): Promise<RunReport> {
  const plan = drawPlan(seed);
  const trace = new Trace(options.onLine ?? null);
  const run = new Run(plan, trace, options.sabotage ?? {});
  const rejected = (reason: unknown): void => run.cluster.fail(asError(reason));
  process.on('unhandledRejection', rejected);
  let failure: string | null = null;
  try {
    await run.all();
  } catch (error) {
    failure = describe(error);
    run.cluster.tell(`failed: ${failure.split('\n')[0]}`);
  } finally {
    process.off('unhandledRejection', rejected);
  }
  const end = trace.end(END_LINES);
  return { ...run.figures(), seed, plan, failure, end, traceHash: trace.digest() };
}

class Run {
  readonly cluster: SimulatedCluster;
  readonly #plan: Plan;
  readonly #nemesis: Nemesis;
  #workload: Workload | null = null;
  #writers: LocalWriters | null = null;

  constructor(plan: Plan, trace: Trace, sabotage: Sabotage) {
    this.#plan = plan;
    this.cluster = new SimulatedCluster(plan, trace, sabotage);
    this.#nemesis = new Nemesis(this.cluster, plan);
  }

  async all(): Promise<void> {
    const { cluster } = this;
    for (const machine of cluster.machines) machine.start();
    if (this.#plan.faultsFromStart) this.#nemesis.start();
    else await this.#require('the cluster comes up', () => this.#isComplete(), START_MS);
    const workload = new Workload(cluster.clients, { patches: true });
    this.#workload = workload;
    if (!this.#plan.faultsFromStart) this.#nemesis.start();
    if (this.#plan.eventual) this.#writers = new LocalWriters(cluster.clients);
    const isEnough = (): boolean => workload.operationCount >= this.#plan.maxOperations;
    await cluster.until(isEnough, this.#plan.durationMs);
    this.#nemesis.heal();
    await this.#rest(workload);
    this.#checkStates();
    this.#checkHistory(workload);
    await this.#checkLocalWrites();
  }

  figures() {
    const { scheduler, durability, stateHashes, applied } = this.cluster;
    return {
      virtualMs: scheduler.nowMs,
      events: scheduler.count,
      operations: this.#workload?.operationCount ?? 0,
      acknowledged: this.#workload?.acknowledgedCount ?? 0,
      commits: applied,
      diskReads: durability.diskReads,
      statesCompared: stateHashes.compared,
      faults: this.#nemesis.counts,
    };
  }

  get #well() {
    return this.cluster.machines.filter((machine) => !this.#nemesis.refused.has(machine));
  }

  /** All members have a vote and serve. */
  #isComplete(): boolean {
    return this.#well.every((machine) => {
      const voters = machine.core?.consensus?.confState.voters ?? [];
      return machine.isReady && voters.length === this.cluster.machines.length;
    });
  }

  /** After healing, everybody makes progress: clients get their answers, members catch up. */
  async #rest(workload: Workload): Promise<void> {
    const stopped = Promise.all([workload.stop(), this.#writers?.stop()]);
    await this.#require('all members serve again', () => this.#isComplete(), REST_MS);
    if (!(await this.cluster.settled(stopped, FINAL_MS))) lacking('clients get their answers');
    this.cluster.clients.visible = this.#well;
    const read = workload.readAll();
    if (!(await this.cluster.settled(read, FINAL_MS))) lacking('everything can be read');
    await this.#require('members come to the same index', () => this.#areEqual(), REST_MS);
  }

  #areEqual(): boolean {
    if (this.#well.some(({ core }) => core?.consensus?.state?.pendingChange !== null)) return false;
    if (this.#well.some(({ core }) => (core?.outbox?.status.writes ?? 0) > 0)) return false;
    const applied = new Set(this.#well.map(({ core }) => core?.consensus?.applied ?? -1));
    return applied.size === 1;
  }

  #checkStates(): void {
    const hashes = this.#well.flatMap(({ core, name }) => {
      const state = core?.consensus?.state;
      if (state === null || state === undefined) throw new Error(`${name} has no state`);
      const hash = unlessDamaged(() => stateHash(state));
      return hash === null ? [] : [hash];
    });
    if (new Set(hashes).size > 1) {
      throw new BrokenPromise('equal-state', 'the members differ in the end');
    }
  }

  async #checkLocalWrites(): Promise<void> {
    const writers = this.#writers;
    const [machine] = this.#well;
    const history = machine?.core?.engine.history() ?? null;
    if (writers === null || history === null) return;
    const { attempts, lost } = writers;
    const ids = [...new Set(attempts.map(({ id }) => id))];
    const reads = ids.map(async (id) => {
      return [id, await history.versions('Memo', id, Infinity, ALL_VERSIONS)] as const;
    });
    const read = Promise.all(reads);
    if (!(await this.cluster.settled(read, FINAL_MS))) lacking('the history can be read');
    const versions = new Map(await read);
    const damaged = new Set([...this.#nemesis.damaged].map(({ number }) => number));
    const run = { attempts, lost, damaged, versions: (id: string) => versions.get(id) ?? [] };
    const problems = checkLocalWrites(run);
    if (problems.length > 0) throw new BrokenPromise('local writes', problems.join('\n'));
  }

  #checkHistory(workload: Workload): void {
    const states = this.#well.flatMap(({ core, number }) => {
      const state = core?.consensus?.state ?? null;
      const final = state === null ? null : unlessDamaged(() => finalStateOf(number, state));
      return final === null ? [] : [final];
    });
    const history = workload.history(states);
    const violations = checkHistory(history);
    const [first] = violations;
    if (first === undefined) return;
    throw new BrokenPromise(first.check, pictureOf(history, violations));
  }

  async #require(what: string, condition: () => boolean, maxMs: number): Promise<void> {
    if (!(await this.cluster.until(condition, maxMs))) lacking(what);
  }
}

function lacking(what: string): never {
  throw new BrokenPromise('progress', `not in time: ${what}`);
}

function describe(error: unknown): string {
  if (error instanceof BrokenPromise) return `${error.invariant}: ${error.message}`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
