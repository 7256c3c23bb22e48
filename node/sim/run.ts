import type { AdminResponse } from '../membership/index.ts';
import { EngineError, type VersionRecord } from '../ports/index.ts';
import { stateHash } from '../state/index.ts';
import {
  checkHistory,
  checkLastWrites,
  checkLives,
  checkLocalWrites,
  checkPast,
  checkWeakWrites,
  pictureOf,
} from './checks/index.ts';
import { FAR_REGION, SimulatedCluster } from './cluster.ts';
import { BrokenPromise, unlessDamaged } from './invariants/index.ts';
import type { Machine, Sabotage } from './machine.ts';
import { Nemesis } from './nemesis.ts';
import { pastsOf } from './pasts.ts';
import { drawPlan, type Fault, type Plan } from './plan.ts';
import {
  finalStateOf,
  LIFE_RULES,
  LifeWriters,
  LocalWriters,
  overdueIn,
  PAST_RULES,
  stampsOf,
  type WeakAttempt,
  WeakWriters,
  Workload,
} from './workload/index.ts';
import { Trace } from './world/index.ts';

/**
 * Virtual time that a cluster has to come up, and to come to rest once all faults are healed: a
 * member that asked to be taken in while it was cut off waits 20 s for an answer that got lost.
 */
const START_MS = 20_000;
const REST_MS = 45_000;
const FINAL_MS = 120_000;
const AGAIN_MS = 100;
const ALL_VERSIONS = 1_000_000;
/** A disk that is slow by a thousand times takes no longer than this for a write and a sync. */
const LONGEST_SYNC_MS = 10_000;
/** A leader that is well deletes what is over within this time. */
const SWEEP_MS = 3_000;
/** Problems of one kind that are printed. */
const MOST_TOLD = 20;

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
  #weakWriters: WeakWriters | null = null;
  #lifeWriters: LifeWriters | null = null;

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
    if (this.#plan.eventual) this.#beginLocalWrites();
    if (this.#plan.weak) this.#weakWriters = new WeakWriters(cluster.clients);
    if (this.#plan.lives) {
      const reachedMs = (node: number): number => this.#machine(node).clock.reachedMs;
      this.#lifeWriters = new LifeWriters(cluster.clients, reachedMs);
    }
    const isEnough = (): boolean => workload.operationCount >= this.#plan.maxOperations;
    await cluster.until(isEnough, this.#plan.durationMs);
    this.#nemesis.heal();
    await this.#rest(workload);
    this.#checkStates();
    this.#checkHistory(workload);
    await this.#checkLocalWrites();
    this.#checkWeakWrites();
    await this.#checkLives();
    const mayLack = this.#nemesis.forsaken.size > 0;
    if (this.#plan.history && !mayLack) await this.#checkPast(workload);
    if (this.#plan.growth.promotesRegion) await this.#promoteRegion();
  }

  #beginLocalWrites(): void {
    const { cluster } = this;
    const writers = new LocalWriters(cluster.clients, (node) => this.#machine(node).disksBefore);
    this.#writers = writers;
    cluster.onParting = ({ number }) => writers.hurry(number);
  }

  #machine(number: number): Machine {
    const found = this.cluster.machines.find((machine) => machine.number === number);
    if (found === undefined) throw new RangeError(`there is no machine ${number}`);
    return found;
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

  /** All members serve, know each other, and have the votes that they are meant to have. */
  #isComplete(): boolean {
    const ids = this.#well.map(({ memberId }) => memberId);
    return this.#well.every(({ isReady, core }) => {
      const { state, confState } = core?.consensus ?? {};
      const members = state?.members() ?? [];
      const voters = members.filter(({ intent }) => intent === 'voter');
      return (
        isReady &&
        ids.every((id) => members.some((member) => member.id === id)) &&
        voters.every(({ id }) => confState?.voters.includes(id) === true)
      );
    });
  }

  /**
   * All but one learner's machine are lost at once. It takes over in the next epoch with all that
   * there was, and refuses the others, who come back with empty disks.
   */
  async #promoteRegion(): Promise<void> {
    const { cluster } = this;
    const survivor = this.#well.find(({ place }) => place.role === 'learner');
    const state = survivor?.core?.consensus?.state;
    if (survivor === undefined || state === null || state === undefined) return;
    const before = rowsOf(survivor);
    const confirm = `${state.clusterId}/${state.epoch}`;
    const others = cluster.machines.filter((machine) => machine !== survivor);
    const oldIds = new Map(others.map((machine) => [machine, machine.memberId]));
    this.#nemesis.expectAgain(survivor);
    cluster.elections = null;
    if (this.#nemesis.refused.size === 0) {
      await this.#mustNotTakeOver(survivor, { region: FAR_REGION, confirm }, 'quorum_answers');
    }
    for (const machine of others) machine.crash('power');
    const wrong = { region: FAR_REGION, confirm: `${state.clusterId}/${state.epoch + 1}` };
    await this.#mustNotTakeOver(survivor, wrong, 'not_confirmed');
    await this.#mustNotTakeOver(survivor, { region: FAR_REGION }, 'would-promote');
    await this.#mustNotTakeOver(survivor, { region: 'near', confirm }, 'invalid_request');
    await this.#askToTakeOver(survivor, confirm);
    const isServing = (): boolean =>
      survivor.isReady && survivor.core?.consensus?.state?.epoch === state.epoch + 1;
    await this.#require('the survivor serves in the next epoch', isServing, REST_MS);
    if (rowsOf(survivor) !== before) {
      throw new BrokenPromise('promotion', 'the next epoch begins with other rows');
    }
    await this.#rejoin(oldIds);
  }

  async #askToTakeOver(survivor: Machine, confirm: string): Promise<void> {
    const answer = await this.#askToPromote(survivor, { region: FAR_REGION, confirm });
    if (answer?.status === 200) return;
    throw new BrokenPromise('promotion', `refused: ${JSON.stringify(answer?.body)}`);
  }

  /** The answer says why, and the epoch stays what it is. */
  async #mustNotTakeOver(survivor: Machine, request: object, why: string): Promise<void> {
    const epochOf = (): number | undefined => survivor.core?.consensus?.state?.epoch;
    const before = epochOf();
    const answer = await this.#askToPromote(survivor, request);
    const body = JSON.stringify(answer?.body ?? 'no answer');
    if (body.includes(`"${why}"`) && epochOf() === before) return;
    const what = `${JSON.stringify(request)} is not ${why} in epoch ${before}`;
    throw new BrokenPromise('promotion', `${what}, but ${body} in epoch ${epochOf()}`);
  }

  async #askToPromote(survivor: Machine, request: object): Promise<AdminResponse | null> {
    const asked = survivor.administer('POST', '/_admin/promote-region', request);
    if (!(await this.cluster.settled(asked, REST_MS))) lacking('the promotion is answered');
    return asked;
  }

  /** Machines of the old epoch come back, are refused, and join the new one as other members. */
  async #rejoin(oldIds: ReadonlyMap<Machine, number | null>): Promise<void> {
    for (const [machine, oldId] of oldIds) {
      if (this.#nemesis.refused.has(machine)) continue;
      // One whose process had ended by itself may have been started again meanwhile.
      if (machine.process === null) machine.start();
      // Damage may be found only now.
      const isFresh = (): boolean =>
        this.#nemesis.refused.has(machine) || (machine.isReady && machine.memberId !== oldId);
      await this.#require(`${machine.name} joins the next epoch`, isFresh, REST_MS);
    }
    await this.#require('all are in the next epoch', () => this.#isComplete(), REST_MS);
    await this.#require('they come to the same index', () => this.#areEqual(), REST_MS);
    this.#checkStates();
  }

  /** After healing, everybody makes progress: clients get their answers, members catch up. */
  async #rest(workload: Workload): Promise<void> {
    const stopped = Promise.all([
      workload.stop(),
      this.#writers?.stop(),
      this.#weakWriters?.stop(),
      this.#lifeWriters?.stop(),
    ]);
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
    const machine = this.#well.find((one) => !this.#nemesis.damaged.has(one));
    const history = machine?.core?.engine.history() ?? null;
    if (writers === null || history === null) return;
    const { attempts, lost } = writers;
    const ids = [...new Set(attempts.map(({ id }) => id))];
    const read = this.#untilThere(async () => {
      const reads = ids.map(async (id) => {
        return [id, await history.versions('Memo', id, Infinity, ALL_VERSIONS)] as const;
      });
      return new Map(await Promise.all(reads));
    });
    if (!(await this.cluster.settled(read, FINAL_MS))) lacking('the history can be read');
    const versions = await read;
    const broken = [...this.#nemesis.damaged, ...this.#nemesis.forsaken];
    const damaged = new Set(broken.map(({ number }) => number));
    const problems = checkLocalWrites({
      attempts,
      lost,
      damaged,
      isLost: (node, disk) => this.#nemesis.isLost(this.#machine(node), disk),
      versions: (id: string) => versions.get(id) ?? [],
    });
    if (problems.length > 0) throw new BrokenPromise('local writes', problems.join('\n'));
    this.#checkLastWrites((id) => versions.get(id) ?? []);
  }

  #checkLastWrites(versions: (id: string) => readonly VersionRecord[]): void {
    const { lastWrites } = this.cluster;
    if (lastWrites === null) return;
    const shown = this.#well.flatMap(({ name, core }) => {
      const state = core?.consensus?.state;
      const rows = state ? lastWrites.shownBy(state) : null;
      return rows === null ? [] : [[name, rows] as const];
    });
    const run = { judge: lastWrites.judge, shown: new Map(shown), versions };
    const told = checkLastWrites(run).slice(0, MOST_TOLD).join('\n');
    if (told !== '') throw new BrokenPromise('last write', told);
  }

  #checkWeakWrites(): void {
    const writers = this.#weakWriters;
    const machine = this.#well.find((one) => !this.#nemesis.damaged.has(one));
    const state = machine?.core?.consensus?.state ?? null;
    if (writers === null || state === null) return;
    const { attempts, odd } = writers;
    const mayLose = (attempt: WeakAttempt): boolean => this.#mayLose(attempt);
    const held = (model: string): readonly string[] => stampsOf(state, model);
    const problems = checkWeakWrites({ attempts, odd, held, mayLose });
    if (problems.length === 0) return;
    throw new BrokenPromise('weak writes', problems.slice(0, MOST_TOLD).join('\n'));
  }

  /** In the end everything goes whose time has come, on every member. */
  async #checkLives(): Promise<void> {
    const [{ lives }, writers] = [this.cluster, this.#lifeWriters];
    if (lives === null || writers === null) return;
    const { attempts } = writers;
    const { tale, isWhole } = lives;
    const at = (index: number) => lives.at(index);
    const problems = checkLives({ attempts, tale, isWhole, at, rules: LIFE_RULES });
    const told = problems.slice(0, MOST_TOLD).join('\n');
    if (problems.length > 0) throw new BrokenPromise('lives', told);
    await this.#require('rows whose time has come are gone', () => this.#areOverGone(), REST_MS);
  }

  #areOverGone(): boolean {
    const clocksMs = this.#well.map(({ clock }) => clock.nowMs);
    const dueMs = Math.min(...clocksMs) - SWEEP_MS;
    return this.#well.every(({ core }) => {
      const state = core?.consensus?.state;
      return state && unlessDamaged(() => overdueIn(state, dueMs)) === 0;
    });
  }

  /** A single node decides alone: only its own end counts, and nothing where its disk has the write. */
  #mayLose({ model, sentMs, answeredMs }: WeakAttempt): boolean {
    const { upsets, machines } = this.cluster;
    if (machines.length > 1) return upsets.mayHaveCost(sentMs);
    return model === 'Tick' && upsets.crashedBetween(sentMs, answeredMs + LONGEST_SYNC_MS);
  }

  /** A member that still fetches archives from another says so, and is asked again. */
  async #untilThere<T>(read: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await read();
      } catch (error) {
        if (!(error instanceof EngineError) || error.code !== 'unavailable') throw error;
      }
      await new Promise<void>((resolve) => {
        this.cluster.scheduler.after(AGAIN_MS, 'again', null, resolve);
      });
    }
  }

  /** Damage may have cost a member archives that it still has to get from another. */
  async #checkPast(workload: Workload): Promise<void> {
    const { cluster } = this;
    const machines = this.#well.filter((machine) => !this.#nemesis.damaged.has(machine));
    const { operations } = workload.history([]);
    const asked = pastsOf(cluster.clients, machines, operations);
    if (!(await cluster.settled(asked, FINAL_MS))) lacking('the past can be read everywhere');
    const timeAt = (index: number): number | undefined => cluster.timeAt(index);
    const run = { rules: PAST_RULES, pasts: await asked, operations, timeAt };
    const [first, ...more] = checkPast(run).map(({ message }) => message);
    if (first === undefined) return;
    throw new BrokenPromise('past', [first, ...more.slice(0, MOST_TOLD)].join('\n'));
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

/** Everything that clients can see, as one text. */
function rowsOf({ core, number }: Machine): string {
  const state = core?.consensus?.state;
  if (state === null || state === undefined) throw new Error(`machine ${number} has no state`);
  const { models } = finalStateOf(number, state);
  return JSON.stringify(Array.from(models, ([name, rows]) => [name, [...rows]]));
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
