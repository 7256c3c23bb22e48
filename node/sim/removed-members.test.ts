import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SimulatedCluster } from './cluster.ts';
import type { Machine } from './machine.ts';
import { drawPlan } from './plan.ts';
import { deliver } from './workload/index.ts';
import { Trace } from './world/index.ts';

const ENOUGH_MS = 30_000;
const NO_GROWTH = { learners: 0, churnEveryMs: 0, promotesRegion: false };

const votersAt = ({ core }: Machine) => core?.consensus?.confState.voters.length;

class Scene {
  readonly cluster: SimulatedCluster;
  /** Why processes ended by themselves, by machine. */
  readonly ends = new Map<Machine, string>();

  constructor(nodes: number, eventual = false) {
    const flavour = { eventual, history: false, weak: false };
    const plan = { ...drawPlan(1), nodes, faults: [], ...flavour, growth: NO_GROWTH };
    this.cluster = new SimulatedCluster(plan, new Trace(null), {});
    this.cluster.onEnded = (machine, error) => {
      this.ends.set(machine, error instanceof Error ? error.message : String(error));
    };
  }

  machine(number: number): Machine {
    const found = this.cluster.machines.find((machine) => machine.number === number);
    assert.ok(found);
    return found;
  }

  async until(what: string, condition: () => boolean): Promise<void> {
    assert.ok(await this.cluster.until(condition, ENOUGH_MS), `not in time: ${what}`);
  }

  async comeUp(): Promise<void> {
    const { machines } = this.cluster;
    for (const machine of machines) machine.start();
    await this.until('all vote', () => machines.every((one) => votersAt(one) === machines.length));
    await this.until('all serve', () => machines.every(({ isReady }) => isReady));
  }

  /** Writes to a model that every node writes, on one machine, until it takes no more. */
  async writeLocally({ number }: Machine, taken: string[]): Promise<void> {
    const { clients } = this.cluster;
    for (;;) {
      const id = `m${taken.length}`;
      const body = JSON.stringify({ id, stamp: id });
      const headers = { 'content-type': 'application/json' };
      const request = { method: 'POST', target: '/api/memos', headers, body };
      const delivery = await deliver(clients, number, request, 1_000);
      if (delivery.kind !== 'answer' || delivery.answer.status !== 201) return;
      taken.push(id);
    }
  }

  /** Asks a machine to remove a member; tells how the request was answered. */
  remove(by: Machine, memberId: number | null): { status: number | null } {
    const result: { status: number | null } = { status: null };
    const ask = async (): Promise<void> => {
      const answer = await by.administer('DELETE', `/_admin/members/${memberId}`, undefined);
      result.status = answer?.status ?? null;
    };
    void ask();
    return result;
  }
}

describe('a removed member', () => {
  it('ends when it was removed before it had a state, and learns it after a restart', async () => {
    const scene = new Scene(3);
    const [first, second, third] = [scene.machine(1), scene.machine(2), scene.machine(3)];
    for (const machine of [first, second, third]) machine.start();
    await scene.until('it has a place', () => third.memberId !== null);
    const { memberId } = third;
    third.crash('power');
    await scene.until('the others serve', () => first.isReady && second.isReady);
    const answer = scene.remove(first, memberId);
    await scene.until('it is removed', () => answer.status === 204);
    third.start();
    await scene.until('it ends', () => scene.ends.has(third));
    assert.match(scene.ends.get(third) ?? '', new RegExp(`member ${memberId} was removed`));
  });

  it('takes nothing along that it took by itself', async () => {
    const scene = new Scene(3, true);
    await scene.comeUp();
    const leader = scene.cluster.machines.find(({ core }) => core?.consensus?.leading);
    const other = scene.cluster.machines.find((machine) => machine !== leader);
    assert.ok(leader && other);
    const taken: string[] = [];
    const writing = scene.writeLocally(other, taken);
    await scene.until('it takes writes', () => taken.length > 20);
    const answer = scene.remove(leader, other.memberId);
    await scene.until('it is removed', () => answer.status !== null && scene.ends.has(other));
    assert.ok(await scene.cluster.settled(writing, ENOUGH_MS));
    assert.equal(answer.status, 204);
    const memos = leader.core?.consensus?.state?.model('Memo');
    const lost = taken.filter((id) => memos?.get(id) === undefined);
    assert.deepEqual(lost, []);
  });

  for (const moment of ['is answered', 'is told'] as const) {
    it(`is not needed any more once its removal ${moment}`, async () => {
      const scene = new Scene(2);
      await scene.comeUp();
      const leader = scene.cluster.machines.find(({ core }) => core?.consensus?.leading);
      const other = scene.cluster.machines.find((machine) => machine !== leader);
      assert.ok(leader && other);
      const answer = scene.remove(leader, other.memberId);
      const voters = () => leader.core?.consensus?.confState.voters.length;
      await scene.until('it is in force', () => voters() === 1);
      // What is in force is on its way to the disk for longer than anybody takes to say good-bye.
      leader.disk.mood.slowness = 1000;
      await scene.until('it is removed', () =>
        moment === 'is told' ? scene.ends.has(other) : answer.status === 204,
      );
      leader.crash('power');
      other.crash('power');
      leader.disk.mood.slowness = 1;
      leader.start();
      await scene.until('the one that is left serves', () => leader.isReady);
    });
  }
});
