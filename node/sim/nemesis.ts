import type { SimulatedCluster } from './cluster.ts';
import { damageDisk } from './corruption.ts';
import type { Machine } from './machine.ts';
import type { Fault, Plan } from './plan.ts';
import { otherSpec, workloadSpec } from './workload/index.ts';
import { CALM_NETWORK, type Process, type SeededRandom } from './world/index.ts';

/** A machine whose process ended is started again after so long. */
const RESTART_MS = [20, 3000] as const;

/** Whoever is removed faster than this was not taken for lost meanwhile. */
const LONGEST_PARTING_MS = 250;

/** Brings the faults of a plan over a cluster, and takes them back in the end. */
export class Nemesis {
  /** Faults that were injected, by kind. */
  readonly counts = new Map<Fault, number>();
  readonly #cluster: SimulatedCluster;
  readonly #plan: Plan;
  readonly #random: SeededRandom;
  /** Machines whose disks were damaged: they may refuse to start, and then count as down. */
  readonly #damaged = new Set<Machine>();
  readonly #refused = new Set<Machine>();
  readonly #again = new Set<Machine>();
  /** Machines whose members were removed while they were down: what only they had is lost. */
  readonly #forsaken = new Set<Machine>();
  /** The disks that they had then. */
  readonly #forsakenDisks = new Set<string>();
  #active = true;

  constructor(cluster: SimulatedCluster, plan: Plan) {
    this.#cluster = cluster;
    this.#plan = plan;
    this.#random = cluster.random.fork();
    cluster.onEnded = (machine, error) => this.#onEnded(machine, error);
  }

  /** Machines that refuse to serve because their disks were damaged. */
  get refused(): ReadonlySet<Machine> {
    return this.#refused;
  }

  /** Machines whose disks were damaged, whether they serve or not. */
  get damaged(): ReadonlySet<Machine> {
    return this.#damaged;
  }

  /** Machines that lost, with a disk, what they alone may have had. */
  get forsaken(): ReadonlySet<Machine> {
    return this.#forsaken;
  }

  /** Whether what a disk of a machine alone held may be lost. */
  isLost(machine: Machine, disk: number): boolean {
    return this.#damaged.has(machine) || this.#forsakenDisks.has(diskName(machine, disk));
  }

  #forsake(machine: Machine): void {
    this.#forsaken.add(machine);
    this.#forsakenDisks.add(diskName(machine, machine.disksBefore));
  }

  start(): void {
    if (this.#plan.faults.length > 0) this.#strikeLater();
    if (this.#plan.growth.churnEveryMs > 0) this.#churnLater();
  }

  /** The machine's member is no more: another one of its name begins with an empty disk. */
  begin(machine: Machine): void {
    machine.crash('power');
    machine.wipe();
    // Nobody comes any more to find that its program is too old for what the cluster has gone on to.
    if (!this.#active) machine.update();
    this.#damaged.delete(machine);
    this.#refused.delete(machine);
    this.#restartLater(machine);
  }

  /** The machine's process will end to begin again in the next epoch. */
  expectAgain(machine: Machine): void {
    this.#again.add(machine);
  }

  #churnLater(): void {
    const pauseMs = -Math.log(1 - this.#random.fraction()) * this.#plan.growth.churnEveryMs;
    this.#later(pauseMs, () => {
      const machine = this.#random.pick(this.#cluster.machines);
      if (this.#random.chance(0.7)) this.#replace(machine);
      else this.#promote(machine);
      this.#churnLater();
    });
  }

  /** Removes a member, up or down, by asking anybody, the member itself too. */
  #replace(machine: Machine): void {
    const { memberId } = machine;
    if (memberId === null) return;
    if (this.#random.chance(0.4)) this.#crash(machine, 'power');
    const before = this.#conditionOf(machine);
    this.#cluster.onParting(machine);
    const askedMs = this.#cluster.scheduler.nowMs;
    this.#ask('DELETE', `members/${memberId}`, (status) => {
      this.#cluster.tell(`removing member ${memberId} (${machine.name}): ${status}`);
      if (status !== 204 || machine.memberId !== memberId) return;
      const tookMs = this.#cluster.scheduler.nowMs - askedMs;
      const wasThere = before !== null && before === this.#conditionOf(machine);
      if (!wasThere || tookMs > LONGEST_PARTING_MS) this.#forsake(machine);
      this.begin(machine);
    });
  }

  /** The process that can be asked now by all others; null where there is none. */
  #conditionOf(machine: Machine): Process | null {
    const { network, machines } = this.#cluster;
    const isCut = machines.some(
      ({ name }) => network.isCut(name, machine.name) || network.isCut(machine.name, name),
    );
    const { process, isReady } = machine;
    return process === null || process.stopped || isCut || !isReady ? null : process;
  }

  #promote({ memberId }: Machine): void {
    if (memberId !== null) this.#ask('POST', `members/${memberId}/promote`, () => {});
  }

  /** Asks a machine that serves, and hears the answer unless it dies before. */
  #ask(method: string, path: string, hear: (status: number) => void): void {
    const asked = this.#random.pick(this.#cluster.machines);
    const { process, core } = asked;
    if (process === null || core === null || !asked.isReady) return;
    const ask = async (): Promise<void> => {
      const request = { method, path: `/_admin/${path}`, query: '', body: undefined };
      const { status } = await core.administer(request);
      // In the middle of what the code does now, nothing may be torn down.
      if (process.alive) this.#cluster.scheduler.after(0, 'answer', null, () => hear(status));
    };
    this.#cluster.scheduler.after(0, path, process, () => void ask());
  }

  /** No more faults; everything that can is made well. */
  heal(): void {
    this.#active = false;
    this.#cluster.tell('all faults are healed');
    this.#calm();
    this.#cluster.network.mood = { ...CALM_NETWORK };
    for (const machine of this.#cluster.machines) {
      machine.resume();
      machine.disk.mood.slowness = 1;
      machine.disk.mood.failure = null;
      machine.disk.mood.death = null;
      machine.update();
      if (machine.process === null && !this.#refused.has(machine)) machine.start();
    }
  }

  #strikeLater(): void {
    const pauseMs = -Math.log(1 - this.#random.fraction()) * this.#plan.faultEveryMs;
    this.#later(pauseMs, () => {
      this.#strike(this.#choose());
      this.#strikeLater();
    });
  }

  #choose(): Fault {
    const total = this.#plan.faults.reduce((sum, { weight }) => sum + weight, 0);
    let left = this.#random.fraction() * total;
    for (const { fault, weight } of this.#plan.faults) {
      left -= weight;
      if (left <= 0) return fault;
    }
    return this.#random.pick(this.#plan.faults).fault;
  }

  #strike(fault: Fault): void {
    const machine = this.#random.pick(this.#cluster.machines);
    if (!this.#acts[fault](machine)) return;
    this.counts.set(fault, (this.counts.get(fault) ?? 0) + 1);
    this.#cluster.tell(`fault: ${fault} ${machine.name}`);
  }

  /** What each fault does; false where it is not possible now. */
  readonly #acts: Readonly<Record<Fault, (machine: Machine) => boolean>> = {
    kill: (machine) => this.#crash(machine, 'process'),
    powerCut: (machine) => this.#crash(machine, 'power'),
    crashAtDisk: (machine) => this.#crashAtDisk(machine),
    blackout: () => this.#blackout(),
    pause: (machine) => this.#pause(machine),
    isolate: (machine) => this.#split([machine], true),
    split: () => this.#split(this.#someMachines(), true),
    oneWay: () => this.#split(this.#someMachines(), false),
    lossy: () => this.#lossy(),
    reset: (machine) => this.#reset(machine),
    clientLinks: () => this.#clientLinks(),
    slowNetwork: () => this.#slowNetwork(),
    slowDisk: (machine) => this.#slowDisk(machine),
    diskError: (machine) => this.#diskFailure(machine, 'EIO'),
    diskFull: (machine) => this.#diskFailure(machine, 'ENOSPC'),
    corrupt: (machine) => this.#corrupt(machine),
    clockJump: (machine) => this.#clockJump(machine),
    transfer: (machine) => this.#administer(machine, 'transfer', { to: null }),
    snapshot: (machine) => this.#administer(machine, 'snapshot', undefined),
    modelChange: (machine) => this.#changeModel(machine),
  };

  #crash(machine: Machine, kind: 'process' | 'power'): boolean {
    if (machine.process === null) return false;
    machine.crash(kind);
    this.#restartLater(machine);
    return true;
  }

  #crashAtDisk(machine: Machine): boolean {
    if (machine.process === null || machine.disk.mood.death !== null) return false;
    const kind = this.#random.pick(['process', 'power'] as const);
    machine.disk.mood.death = {
      after: this.#random.between(0, 30),
      die: () =>
        void this.#cluster.scheduler.after(0, 'death', null, () => {
          machine.crash(kind);
          this.#restartLater(machine);
        }),
    };
    return true;
  }

  #blackout(): boolean {
    for (const machine of this.#cluster.machines) this.#crash(machine, 'power');
    return true;
  }

  #pause(machine: Machine): boolean {
    if (machine.process === null || machine.process.stopped) return false;
    machine.pause();
    this.#later(this.#random.between(10, 4000), () => machine.resume());
    return true;
  }

  /** Now and then the learners' region, as a whole. */
  #someMachines(): readonly Machine[] {
    if (this.#plan.growth.learners > 0 && this.#random.chance(0.3)) {
      return this.#cluster.machines.filter(({ place }) => place.role === 'learner');
    }
    return this.#cluster.machines.filter(() => this.#random.chance(0.4));
  }

  #split(part: readonly Machine[], bothWays: boolean): boolean {
    const rest = this.#cluster.machines.filter((machine) => !part.includes(machine));
    if (part.length === 0 || rest.length === 0) return false;
    for (const a of part) {
      for (const b of rest) {
        this.#cluster.network.cut(a.name, b.name);
        if (bothWays) this.#cluster.network.cut(b.name, a.name);
      }
    }
    this.#cluster.tell(`cut off: ${part.map(({ name }) => name).join(' ')}`);
    this.#later(this.#random.between(100, 5000), () => this.#cluster.network.heal());
    return true;
  }

  #lossy(): boolean {
    const { mood } = this.#cluster.network;
    mood.loss = this.#random.pick([0, 0.02, 0.2]);
    mood.duplication = this.#random.pick([0, 0.02, 0.2]);
    mood.reordering = this.#random.pick([0, 0.02, 0.2]);
    mood.breakage = this.#random.pick([0, 0, 0.001, 0.01]);
    this.#later(this.#random.between(500, 5000), () => this.#calm());
    return true;
  }

  #reset(machine: Machine): boolean {
    this.#cluster.network.breakConnections(this.#random.chance(0.3) ? null : machine.name);
    return true;
  }

  #clientLinks(): boolean {
    const { mood } = this.#cluster.clients;
    mood.lostRequests = this.#random.pick([0, 0.05, 0.3]);
    mood.lostAnswers = this.#random.pick([0.05, 0.3, 0.6]);
    this.#later(this.#random.between(500, 5000), () => this.#calm());
    return true;
  }

  #slowNetwork(): boolean {
    const { mood } = this.#cluster.network;
    mood.latencyMs = this.#random.pick([5, 30, 120]);
    mood.straggle = this.#random.pick([0, 0.05]);
    mood.straggleMs = this.#random.pick([50, 500]);
    this.#later(this.#random.between(500, 4000), () => this.#calm());
    return true;
  }

  #slowDisk(machine: Machine): boolean {
    machine.disk.mood.slowness = this.#random.pick([10, 100, 1000]);
    this.#later(this.#random.between(200, 4000), () => {
      machine.disk.mood.slowness = 1;
    });
    return true;
  }

  #diskFailure(machine: Machine, code: 'EIO' | 'ENOSPC'): boolean {
    if (machine.process === null || machine.disk.mood.failure !== null) return false;
    machine.disk.mood.failure = { after: this.#random.between(0, 20), code };
    // A full disk gets room again; a broken one works again once the process was restarted.
    if (code === 'ENOSPC') {
      this.#later(this.#random.between(50, 1000), () => {
        machine.disk.mood.failure = null;
      });
    }
    return true;
  }

  /** All machines are voters: before, one alone may be what the others cannot do without. */
  #isComplete(): boolean {
    const { machines } = this.#cluster;
    return machines.every(
      ({ core }) => core?.consensus?.confState.voters.length === this.#plan.nodes,
    );
  }

  #corrupt(machine: Machine): boolean {
    const others = new Set([...this.#damaged, machine]).size;
    if (2 * others >= this.#plan.nodes || !this.#isComplete()) return false;
    // A membership that changes could come to need just the damaged ones; and learners are extra.
    if (this.#plan.growth.churnEveryMs > 0 || machine.place.role === 'learner') return false;
    // Damage is found at the next start, or as the running process reads what it wrote long ago.
    const restarts = this.#random.chance(0.7);
    if (restarts) machine.crash('power');
    const what = damageDisk(machine.disk, this.#random);
    if (what !== null) {
      this.#damaged.add(machine);
      this.#cluster.tell(`damaged ${machine.name}: ${what}`);
    }
    if (restarts) this.#restartLater(machine);
    return what !== null;
  }

  /** All jumps together stay below the day for which answers to retries are kept. */
  #clockJump(machine: Machine): boolean {
    machine.clock.jump(this.#random.pick([-600_000, -10_000, -500, 500, 10_000, 600_000]));
    return true;
  }

  #administer(machine: Machine, action: string, body: unknown): boolean {
    const { process, core } = machine;
    if (process === null || core === null || !machine.isReady) return false;
    const method = action === 'model' ? 'PUT' : 'POST';
    const request = { method, path: `/_admin/${action}`, query: '', body };
    this.#cluster.scheduler.after(0, action, process, () => void core.administer(request));
    return true;
  }

  /** To the other indexes; a restarted member asks for those of its file again. */
  #changeModel(machine: Machine): boolean {
    return this.#administer(
      machine,
      'model',
      this.#random.chance(0.5) ? otherSpec(this.#plan) : workloadSpec({}, this.#plan),
    );
  }

  #calm(): void {
    this.#cluster.network.mood = { ...CALM_NETWORK, latencyMs: this.#plan.latencyMs };
    this.#cluster.network.heal();
    Object.assign(this.#cluster.clients.mood, { lostRequests: 0, lostAnswers: 0 });
  }

  /** A process ended by itself: as it must where its disk fails, and may where that was damaged. */
  #onEnded(machine: Machine, error: unknown): void {
    if (isRefusal(error) && this.#damaged.has(machine)) {
      this.#refused.add(machine);
      this.#cluster.tell(`${machine.name} refuses its damaged disk and stays down`);
      return;
    }
    if (this.#again.delete(machine)) return this.#restartLater(machine);
    if (isRemoval(error)) {
      this.#forsake(machine);
      this.begin(machine);
      return;
    }
    if (!isDiskFailure(error) && !this.#damaged.has(machine)) {
      this.#cluster.fail(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    this.#restartLater(machine);
  }

  #restartLater(machine: Machine): void {
    const [least, most] = RESTART_MS;
    this.#cluster.scheduler.after(this.#random.between(least, most), 'restart', null, () => {
      if (machine.process === null && !this.#refused.has(machine)) machine.start();
    });
  }

  /** Ends with the faults, whatever it would do. */
  #later(delayMs: number, act: () => void): void {
    this.#cluster.scheduler.after(delayMs, 'nemesis', null, () => {
      if (this.#active) act();
    });
  }
}

function diskName({ number }: Machine, disk: number): string {
  return `${number}/${disk}`;
}

/** Its member was removed, or is of an epoch that is over. */
function isRemoval(error: unknown): boolean {
  return (
    error instanceof Error && /removed from the cluster|is of epoch \d+, and/.test(error.message)
  );
}

function isRefusal(error: unknown): boolean {
  return error instanceof Error && 'code' in error && REFUSALS.has(String(error.code));
}

const REFUSALS = new Set([
  'LOG_CORRUPT',
  'LOG_FORMAT',
  'CLUSTER_MISMATCH',
  'NOT_A_LOG',
  'ARCHIVE_CORRUPT',
  'ARCHIVE_FORMAT',
  'ARCHIVE_MISSING',
]);

function isDiskFailure(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ('code' in error && (error.code === 'EIO' || error.code === 'ENOSPC')) return true;
  return /E(?:IO|NOSPC): injected/.test(error.message);
}
