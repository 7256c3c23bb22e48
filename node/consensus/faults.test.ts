import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError } from '../ports/index.ts';
import { envelopeOf, TestCluster, type TestMember } from './testing/cluster.ts';

const SEEDS = 25;
const ROUNDS = 60;
const ROUND_MS = 100;

for (let seed = 1; seed <= SEEDS; seed++) {
  test(`under cuts, kills and power loss nothing acknowledged is lost or read stale (seed ${seed})`, async () => {
    const run = new FaultRun(
      await TestCluster.start(3, { snapshotEvery: 40, snapshotTail: 5 }, seed),
    );
    for (let round = 0; round < ROUNDS; round++) await run.round();
    await run.finish();
    assert.ok(run.acknowledged.size > 50, `only ${run.acknowledged.size} writes succeeded`);
    assert.ok(run.reads > 20, `only ${run.reads} reads succeeded`);
  });
}

/** Random faults, and clients that write unique values and read through any member. */
class FaultRun {
  readonly acknowledged = new Set<string>();
  reads = 0;
  readonly #cluster: TestCluster;
  readonly #stale: string[] = [];
  readonly #restarts: Promise<TestMember>[] = [];
  #down: TestMember | null = null;
  #writes = 0;

  constructor(cluster: TestCluster) {
    this.#cluster = cluster;
  }

  async round(): Promise<void> {
    this.#disturb();
    for (let i = 0; i < 3; i++) {
      void this.#write(this.#anyMember());
      void this.#read(this.#anyMember());
    }
    await this.#cluster.world.run(ROUND_MS);
  }

  /** Heals everything, and compares all members. */
  async finish(): Promise<void> {
    const { world, network } = this.#cluster;
    network.heal();
    this.#restart();
    await world.settled(Promise.all(this.#restarts));
    await world.run(8000);
    await this.#cluster.converge();
    assert.deepEqual(this.#stale, []);
    for (const { id, consensus, failures } of this.#cluster.members.values()) {
      assert.deepEqual(failures, [], `member ${id}`);
      const values = consensus.state?.values;
      const lost = [...this.acknowledged].filter((key) => values?.has(key) !== true);
      assert.deepEqual(lost, [], `member ${id}`);
      for (const count of consensus.state?.counts.values() ?? []) assert.equal(count, 1);
    }
    const states = [...this.#cluster.members.values()].map(({ consensus }) =>
      JSON.stringify([...(consensus.state?.values ?? [])]),
    );
    assert.equal(new Set(states).size, 1);
  }

  #disturb(): void {
    const dice = this.#cluster.world.random.fraction();
    if (dice < 0.1) this.#cluster.network.isolate(this.#anyMember().id);
    else if (dice < 0.25) this.#cluster.network.heal();
    else if (dice < 0.35 && this.#down === null) {
      this.#down = this.#cluster.crash(this.#anyMember().id);
    } else if (dice < 0.55) this.#restart();
    else if (dice < 0.6) void this.#transfer();
  }

  #restart(): void {
    if (this.#down === null) return;
    this.#restarts.push(this.#cluster.restartLater(this.#down));
    this.#down = null;
  }

  async #transfer(): Promise<void> {
    const leading = [...this.#cluster.members.values()].find(({ consensus }) => consensus.leading);
    await leading?.consensus.transferLeadership(500).catch(() => {});
  }

  async #write(member: TestMember): Promise<void> {
    const key = `k${++this.#writes}`;
    try {
      await member.consensus.submit({ ...envelopeOf(key, '1', null), timeoutMs: 3000 });
      this.acknowledged.add(key);
    } catch (error) {
      assert.ok(error instanceof EngineError, String(error));
    }
  }

  async #read(member: TestMember): Promise<void> {
    const before = [...this.acknowledged];
    try {
      await member.consensus.confirmRead(3000);
    } catch (error) {
      assert.ok(error instanceof EngineError, String(error));
      return;
    }
    this.reads++;
    const values = member.consensus.state?.values;
    this.#stale.push(...before.filter((key) => values?.has(key) !== true));
  }

  #anyMember(): TestMember {
    const members = [...this.#cluster.members.values()];
    const at = Math.floor(this.#cluster.world.random.fraction() * members.length);
    const member = members[at];
    if (member === undefined) throw new Error('nobody is up');
    return member;
  }
}
