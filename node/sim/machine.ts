import type { LithairModelSpec } from '@lithair/crds';
import type { Message } from 'etcd-raft-ts';
import type { ConsensusOptions } from '../consensus/index.ts';
import { APPLY_VERSION, OLDEST_APPLY_VERSION } from '../entry/index.ts';
import type { CrashKind, LogOptions, MemoryFileSystemOptions } from '../log/index.ts';
import { AdminClient, type AdminResponse, type InitialPeer } from '../membership/index.ts';
import { NodeCore } from '../node-core.ts';
import type { NodeApi, NodeNetwork, NodeObserver } from '../node-parts.ts';
import type { InitialMember } from '../options.ts';
import type { Logger, Outcome } from '../ports/index.ts';
import type { LocalWritesOutcome, ReplicatedState } from '../state/index.ts';
import { LogSink, Tracer } from '../telemetry/index.ts';
import { adminExchange } from './admin-exchange.ts';
import {
  type DiskFilter,
  MachineClock,
  Process,
  type Scheduler,
  type SeededRandom,
  SimulatedDisk,
  type SimulatedNetwork,
} from './world/index.ts';

const DATA_DIR = '/data';
/** Small, so that history leaves memory, and archives are joined, within a run. */
const HISTORY_LIMITS = { hotBytes: 6_000, pollMs: 250, expireEveryMs: 2_000 };
/** Starts of a machine with the program before, where there are such. */
const OLD_STARTS = 2;
const NO_MATERIAL = { caPem: '', certificatePem: '', privateKeyPem: '' };

/** What all machines of a run share. */
export interface MachineWorld {
  readonly scheduler: Scheduler;
  readonly network: SimulatedNetwork;
  readonly initialCluster: readonly InitialMember[];
  readonly disk: Pick<MemoryFileSystemOptions, 'sectorBytes' | 'writesNow'>;
  readonly spec: LithairModelSpec;
  readonly consensus: Partial<ConsensusOptions>;
  readonly log: LogOptions;
  /** Whether some machines begin with the program before. */
  readonly mixedVersions: boolean;
  /** Parts that break their promises, to see that the checks notice. */
  readonly sabotage: Sabotage;
  /** The machine of that name. */
  machine(name: string): Machine | undefined;
}

/** What a machine's member is meant to be. */
export interface MachinePlace {
  readonly role: 'voter' | 'learner';
  readonly region: string | null;
}

/** Known bugs that can be put into a node from outside. */
export interface Sabotage {
  readonly disk?: DiskFilter;
  /** Changes a node's parts as it starts. */
  readonly core?: (core: NodeCore) => void;
  readonly observer?: NodeObserver;
}

type AppliedOutcome = Extract<Outcome, { kind: 'applied' }>;

/** Who hears of what a machine's process does. */
export interface MachineWatch {
  onState(machine: Machine, state: ReplicatedState): void;
  /** It applied an entry with writes that a member took by itself, live or from its log. */
  onOrdered(
    machine: Machine,
    state: ReplicatedState,
    data: Uint8Array,
    outcome: LocalWritesOutcome,
  ): void;
  /** It answers a write that it took by itself. */
  onTaken(outcome: AppliedOutcome): void;
  onApplied(machine: Machine, index: number, state: ReplicatedState): void;
  onSend(message: Message): void;
  /** As a leader it gives an entry this time. */
  onStamp(machine: Machine, stampMs: number, isBound: boolean): void;
  /** The process came to an end, in whatever way. */
  onCrash(machine: Machine): void;
  onResume(machine: Machine): void;
  /** A write is told as done: everything up to this index must be safe by now. */
  onAcknowledged(machine: Machine, index: number): void;
  /** The process ended by itself. */
  onEnded(machine: Machine, error: unknown): void;
}

/** One machine: a disk, clocks, and now and then a process with a whole node in it. */
export class Machine {
  readonly number: number;
  readonly name: string;
  readonly place: MachinePlace;
  readonly clock: MachineClock;
  readonly #world: MachineWorld;
  readonly #random: SeededRandom;
  readonly #watch: MachineWatch;
  #process: Process | null = null;
  #core: NodeCore | null = null;
  #api: NodeApi | null = null;
  #memberId: number | null = null;
  #isUpdated = false;
  #disk: SimulatedDisk;
  #disksBefore = 0;
  #starts = 0;

  constructor(
    number: number,
    place: MachinePlace,
    world: MachineWorld,
    random: SeededRandom,
    watch: MachineWatch,
  ) {
    this.number = number;
    this.place = place;
    this.name = `n${number}`;
    this.#world = world;
    this.#random = random.fork();
    this.#watch = watch;
    const { scheduler, disk, sabotage } = world;
    this.#disk = new SimulatedDisk(scheduler, random.fork(), disk, sabotage.disk);
    const rate = 0.98 + random.fraction() * 0.04;
    this.clock = new MachineClock(scheduler, rate, random.between(-5000, 5000));
  }

  get disk(): SimulatedDisk {
    return this.#disk;
  }

  /** How many disks it had before this one. */
  get disksBefore(): number {
    return this.#disksBefore;
  }

  /** Another disk, empty: what comes next on this machine is another member of its name. */
  wipe(): void {
    if (this.#process !== null) throw new Error(`${this.name} runs: its disk is in use`);
    const { scheduler, disk, sabotage } = this.#world;
    this.#disk = new SimulatedDisk(scheduler, this.#random.fork(), disk, sabotage.disk);
    this.#memberId = null;
    this.#disksBefore += 1;
    this.#tell('has another disk');
  }

  /** Null while no process runs. */
  get process(): Process | null {
    return this.#process;
  }

  get core(): NodeCore | null {
    return this.#core;
  }

  get api(): NodeApi | null {
    return this.#api;
  }

  /** Its id in the cluster, as of its last process; null while it has none. */
  get memberId(): number | null {
    this.#memberId = this.#core?.consensus?.memberId ?? this.#memberId;
    return this.#memberId;
  }

  /** The latest that its program knows, the one that runs or ran last. */
  get applyVersion(): number {
    const isOld = this.#world.mixedVersions && this.number % 2 === 1 && this.#starts <= OLD_STARTS;
    return isOld && !this.#isUpdated ? OLDEST_APPLY_VERSION : APPLY_VERSION;
  }

  /**
   * As somebody does who finds a member that cannot serve: the cluster may have gone on to what its
   * program does not know. Whatever starts from now on has the present one.
   */
  update(): void {
    const isOld = this.applyVersion < APPLY_VERSION;
    if (!isOld || this.isReady) return;
    this.#isUpdated = true;
    if (this.#process === null) return;
    this.crash('process');
    this.start();
  }

  /** Whether its peer port is open. */
  get isListening(): boolean {
    return this.#world.network.isListening(this.name);
  }

  /** Whether it serves, as it says itself. */
  get isReady(): boolean {
    return this.#process !== null && this.#core?.health.phase === 'ready';
  }

  /** Starts a process on the disk as it is. */
  start(): void {
    if (this.#process !== null) throw new Error(`${this.name} runs already`);
    this.#starts += 1;
    const process = new Process(`${this.name}/${this.#starts}`);
    this.#process = process;
    this.#tell('starts');
    const core = this.#compose(process);
    this.#core = core;
    core.start().catch((error: unknown) => this.#onEnd(process, error));
  }

  /** Ends the process at this very moment. `power`: the machine goes with it. */
  crash(kind: CrashKind): void {
    const process = this.#process;
    if (process === null) return;
    process.kill();
    this.#memberId = this.memberId;
    this.#process = null;
    this.#core = null;
    this.#api = null;
    this.#world.network.vanish(this.name, kind === 'power');
    this.disk.crash(kind);
    this.disk.mood.death = null;
    this.disk.mood.failure = null;
    this.#tell(kind === 'power' ? 'loses power' : 'is killed');
    this.#watch.onCrash(this);
  }

  pause(): void {
    this.#process?.stop();
    this.#tell('is stopped');
  }

  resume(): void {
    if (this.#process === null || !this.#process.stopped) return;
    this.#tell('goes on');
    this.#watch.onResume(this);
    this.#world.scheduler.resume(this.#process);
  }

  /** An administrative request that reaches this machine; null where nobody answers. */
  administer(method: string, path: string, body: unknown): Promise<AdminResponse | null> {
    const core = this.#core;
    if (core === null) return Promise.resolve(null);
    return core.administer({ method, path, query: '', body });
  }

  #compose(process: Process): NodeCore {
    const { scheduler, disk, initialCluster, consensus, log, sabotage } = this.#world;
    const [clock, logger] = [this.clock.of(process), this.#loggerOf(process)];
    const core = new NodeCore(
      {
        name: this.name,
        dataDir: DATA_DIR,
        spec: this.#world.spec,
        managed: false,
        freeSpaceReserveBytes: null,
        initialCluster,
        ...this.place,
        applyVersion: this.applyVersion,
        consensus,
        log,
        state: { preparedRows: 2 },
        history: HISTORY_LIMITS,
      },
      {
        fs: this.disk.attach(process),
        clock,
        random: this.#random,
        logger,
        tracer: new Tracer(clock, this.#random, new LogSink(logger)),
        version: '0.0.0',
        defer: (callback) => void scheduler.after(0.01, 'turn', process, callback),
        ...(disk.writesNow && { hurry: queueMicrotask }),
        processMetrics: false,
      },
      this.#networkOf(process),
      (error) => this.#onEnd(process, error),
      this.#observerOf(process),
    );
    sabotage.core?.(core);
    this.#watchOutcomes(process, core);
    this.#watchStamps(process, core);
    return core;
  }

  #observerOf(process: Process): NodeObserver {
    const { observer } = this.#world.sabotage;
    return {
      onState: (state) => {
        observer?.onState?.(state);
        this.#watchOrders(process, state);
        if (process.alive) this.#watch.onState(this, state);
      },
      onApplied: (index, state) => {
        observer?.onApplied?.(index, state);
        if (process.alive) this.#watch.onApplied(this, index, state);
      },
      onSend: (message) => {
        observer?.onSend?.(message);
        if (process.alive) this.#watch.onSend(message);
      },
    };
  }

  #watchOutcomes(process: Process, core: NodeCore): void {
    const submit = core.engine.submit.bind(core.engine);
    core.engine.submit = async (envelope) => {
      const outcome = await submit(envelope);
      if (outcome.kind !== 'applied' || !process.alive) return outcome;
      // What becomes of those that one node alone answers for is looked at in the end.
      if (outcome.durability === 'local') this.#watch.onTaken(outcome);
      else this.#watch.onAcknowledged(this, outcome.index);
      return outcome;
    };
  }

  /** The log is replayed through the same door as live entries come. */
  #watchOrders(process: Process, state: ReplicatedState): void {
    const apply = state.apply.bind(state);
    state.apply = (index, term, data) => {
      const result = apply(index, term, data);
      if (result.kind === 'localWrites' && process.alive) {
        this.#watch.onOrdered(this, state, data, result.outcome);
      }
      return result;
    };
  }

  #watchStamps(process: Process, { logClock }: NodeCore): void {
    const nowMs = logClock.nowMs.bind(logClock);
    logClock.nowMs = () => {
      const stampMs = nowMs();
      if (process.alive) this.#watch.onStamp(this, stampMs, logClock.isBound);
      return stampMs;
    };
  }

  #networkOf(process: Process): NodeNetwork {
    return {
      admit: () => {},
      serveApi: (api) => {
        if (process.alive) this.#api = api;
        return Promise.resolve();
      },
      servePeers: () => Promise.resolve(this.#world.network.peerNetwork(this.name, process)),
      peer: (member) => this.#adminClient(process, member),
      knownCluster: () => Promise.resolve(null),
      drain: () => {},
      close: () => Promise.resolve(),
    };
  }

  #adminClient(process: Process, member: InitialMember): InitialPeer {
    const { name, address } = member;
    const exchange = adminExchange(this.#world, process, this.name, name);
    return new AdminClient({ address, material: NO_MATERIAL, member: name, exchange });
  }

  #loggerOf(process: Process): Logger {
    const line =
      (level: string) =>
      (fields: object, message: string): void => {
        if (process.alive) this.#tell(`${level} ${message} ${JSON.stringify(fields)}`);
      };
    return { debug: () => {}, info: line('info'), warn: line('warn'), error: line('error') };
  }

  #onEnd(process: Process, error: unknown): void {
    if (!process.alive) return;
    const reason = error instanceof Error ? error.message : String(error);
    this.#tell(`ends: ${reason}`);
    // As the operating system does: at once, and not in the middle of what the code does now.
    process.kill();
    this.#world.scheduler.after(0, 'end', null, () => {
      if (this.#process !== process) return;
      this.crash('process');
      this.#watch.onEnded(this, error);
    });
  }

  #tell(text: string): void {
    const { scheduler } = this.#world;
    scheduler.trace.tell(scheduler.nowMs, this.name, text);
  }
}
