import {
  ConfChangeTransition,
  ConfChangeType,
  type ConfChangeV2,
  type MessageType,
} from 'etcd-raft-ts';
import { type Log, MemoryFileSystem, openDataDirectory } from '../../log/index.ts';
import type { CommandEnvelope, MemberRecord, Outcome } from '../../ports/index.ts';
import { Consensus, type ConsensusOptions, foundCluster } from '../index.ts';
import { InProcessNetwork, type InProcessTransport } from './in-process-network.ts';
import { type Applied, KeyValueState, putMember } from './key-value-state.ts';
import { VirtualWorld } from './virtual-world.ts';

export const TIMEOUT_MS = 5000;

/** One member of a {@link TestCluster}, with what it is made of. */
export interface TestMember {
  readonly id: number;
  readonly consensus: Consensus<Applied, KeyValueState>;
  readonly log: Log;
  readonly fs: MemoryFileSystem;
  readonly transport: InProcessTransport;
  readonly failures: Error[];
}

/** A cluster in one process: real core, real log, virtual disk, network and time. */
export class TestCluster {
  readonly world: VirtualWorld;
  readonly network: InProcessNetwork;
  readonly members = new Map<number, TestMember>();
  readonly #options: Partial<ConsensusOptions>;
  /** Scopes of idempotency keys that were executed, replicated by the test's commands. */
  executed = 0;

  constructor(seed: number, options: Partial<ConsensusOptions>) {
    this.world = new VirtualWorld(seed);
    this.network = new InProcessNetwork(this.world.defer);
    this.#options = options;
  }

  /** A cluster of `voters` members, which were added one after the other. */
  static async start(
    voters: number,
    options: Partial<ConsensusOptions> = {},
    seed = 1,
  ): Promise<TestCluster> {
    const cluster = new TestCluster(seed, options);
    const first = await cluster.world.settled(cluster.#open(1, true));
    await cluster.world.until('the first member leads', () => first.consensus.leading);
    for (let id = 2; id <= voters; id++) await cluster.addVoter(id);
    return cluster;
  }

  member(id: number): TestMember {
    const member = this.members.get(id);
    if (member === undefined) throw new Error(`no member ${id}`);
    return member;
  }

  /** The member that leads in the highest term. */
  get leader(): TestMember {
    const leading = [...this.members.values()].filter(({ consensus }) => consensus.leading);
    const best = leading.sort((a, b) => b.consensus.leadingTerm - a.consensus.leadingTerm)[0];
    if (best === undefined) throw new Error('nobody leads');
    return best;
  }

  follower(): TestMember {
    const { id } = this.leader;
    const found = [...this.members.values()].find((member) => member.id !== id);
    if (found === undefined) throw new Error('there is no follower');
    return found;
  }

  async addVoter(id: number): Promise<TestMember> {
    await this.change(ConfChangeType.AddLearnerNode, id);
    const member = await this.world.settled(this.#open(id, false));
    await this.world.until(`member ${id} has a state`, () => member.consensus.state !== null);
    await this.change(ConfChangeType.AddNode, id);
    await this.world.until(`member ${id} is caught up`, () => member.consensus.caughtUp);
    return member;
  }

  change(type: ConfChangeType, id: number): Promise<Applied> {
    const change = changeOf(type, id);
    return this.world.settled(this.leader.consensus.proposeChange(change, TIMEOUT_MS).result);
  }

  /** Opens a member that waits to be sent everything. */
  open(id: number): Promise<TestMember> {
    return this.world.settled(this.#open(id, false));
  }

  /** Ends a member's process at this very moment; its disk stays as it is. */
  crash(id: number): TestMember {
    const member = this.member(id);
    member.fs.injectFaults(() => 'halt');
    return this.kill(id);
  }

  /** Ends a member without a hand-over; its disk stays. */
  kill(id: number): TestMember {
    const member = this.member(id);
    void member.consensus.stop(0);
    void member.transport.close();
    this.members.delete(id);
    return member;
  }

  /** Starts a member again on the disk that it left. */
  async restart(killed: TestMember): Promise<TestMember> {
    const fs = killed.fs.crash('process', () => 0.5, { defer: this.world.defer });
    return await this.world.settled(this.#open(killed.id, false, fs));
  }

  /** As {@link restart} after a power cut, without letting time pass. */
  restartLater(killed: TestMember): Promise<TestMember> {
    const fraction = (): number => this.world.random.fraction();
    const fs = killed.fs.crash('power', fraction, { defer: this.world.defer });
    return this.#open(killed.id, false, fs);
  }

  write(member: TestMember, text: string): Promise<Applied> {
    return member.consensus.propose(Buffer.from(text), TIMEOUT_MS).result;
  }

  /** Waits until every member has applied what the leader has. */
  async converge(): Promise<void> {
    await this.world.until('all members have applied the same', () => {
      const applied = new Set([...this.members.values()].map(({ consensus }) => consensus.applied));
      return applied.size === 1;
    });
  }

  lose(...types: MessageType[]): void {
    for (const type of types) this.network.lost.add(type);
  }

  async #open(
    id: number,
    first: boolean,
    fs = new MemoryFileSystem({ defer: this.world.defer }),
  ): Promise<TestMember> {
    const { clock, random, defer } = this.world;
    const logger = this.world.logger(`m${id}`);
    const directory = await openDataDirectory({ dir: '/data', fs, clock, random, logger, defer });
    await directory.writeIdentity({
      diskUuid: `disk-${id}`,
      name: `n${id}`,
      clusterId: 'cluster-1',
      memberId: id,
    });
    const log = await directory.openLog({ segmentBytes: 64 * 1024 });
    if (first) await foundCluster(log, KeyValueState.initial(recordOf(1)), 1);
    const chunks = log.readSnapshot();
    const state = chunks === null ? null : await KeyValueState.restore(chunks);
    return this.#start(id, log, fs, state);
  }

  #start(id: number, log: Log, fs: MemoryFileSystem, state: KeyValueState | null): TestMember {
    const { clock, random, defer } = this.world;
    const transport = this.network.transport(id);
    const failures: Error[] = [];
    const consensus: Consensus<Applied, KeyValueState> = new Consensus({
      memberId: id,
      log,
      transport,
      state,
      restore: (chunks) => KeyValueState.restore(chunks),
      execute: (envelope) => this.#execute(consensus, envelope),
      serveOutbox: () => Promise.reject(new Error('there is no outbox')),
      serveArchive: () => Promise.reject(new Error('this state machine keeps no archives')),
      clock,
      random,
      logger: this.world.logger(`m${id}`),
      defer,
      options: this.#options,
      onFailure: (error) => failures.push(error),
    });
    const member = { id, consensus, log, fs, transport, failures };
    this.members.set(id, member);
    consensus.start();
    return member;
  }

  /** A leader's execution with idempotency: a scope that is in the state is not proposed again. */
  async #execute(
    consensus: Consensus<Applied, KeyValueState>,
    envelope: CommandEnvelope,
  ): Promise<Outcome> {
    const { command, idempotency } = envelope;
    if (command.kind !== 'create') throw new Error('unexpected command');
    const text = `${idempotency?.scope ?? command.model}=${JSON.stringify(command.body['value'])}`;
    const known = consensus.state?.values.has(text.split('=')[0] ?? '') ?? false;
    if (idempotency !== null && known) return outcome(consensus.applied, true);
    this.executed++;
    const { result } = consensus.propose(Buffer.from(text), envelope.timeoutMs);
    return outcome((await result).index, false);
  }
}

export function recordOf(id: number): MemberRecord {
  return {
    id,
    name: `n${id}`,
    address: `n${id}:10080`,
    diskUuid: `disk-${id}`,
    intent: 'voter',
  };
}

export function changeOf(type: ConfChangeType, id: number): ConfChangeV2 {
  return {
    transition: ConfChangeTransition.Auto,
    changes: [{ type, nodeId: id }],
    context: putMember(recordOf(id)),
  };
}

/** A command that sets `model` (or the key's scope) to `value`. */
export function envelopeOf(model: string, value: string, scope: string | null): CommandEnvelope {
  return {
    command: { kind: 'create', model, body: { value } },
    actor: { subject: 'anonymous', method: 'none', roles: [] },
    schemaVersion: 1,
    idempotency: scope === null ? null : { scope, fingerprint: 'f' },
    timeoutMs: TIMEOUT_MS,
  };
}

function outcome(index: number, replayed: boolean): Outcome {
  return { kind: 'applied', index, effect: 'created', aggregates: [], replayed };
}
