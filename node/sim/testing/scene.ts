/** A few machines and no faults but those that a test makes. */
import assert from 'node:assert/strict';
import { SimulatedCluster } from '../cluster.ts';
import type { Machine } from '../machine.ts';
import { drawPlan } from '../plan.ts';
import { deliver } from '../workload/index.ts';
import { Trace } from '../world/index.ts';

/** Virtual time in which anything that may be waited for comes about. */
export const ENOUGH_MS = 30_000;
/** Entries; none is written while a test lasts but for members that need one. */
const SNAPSHOT_EVERY = 10_000;
const NO_GROWTH = { learners: 0, churnEveryMs: 0, promotesRegion: false };

const votersAt = ({ core }: Machine) => core?.consensus?.confState.voters.length;

/** A simulated cluster that a test leads through what it tells. */
export class Scene {
  readonly cluster: SimulatedCluster;
  /** Why processes ended by themselves, by machine. */
  readonly ends = new Map<Machine, string>();

  constructor(nodes: number, eventual = false) {
    const flavour = { eventual, history: false, weak: false };
    const drawn = drawPlan(1);
    const consensus = { ...drawn.consensus, snapshotEvery: SNAPSHOT_EVERY };
    const plan = { ...drawn, consensus, nodes, faults: [], ...flavour, growth: NO_GROWTH };
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
