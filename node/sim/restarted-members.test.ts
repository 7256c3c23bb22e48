import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CommandEnvelope, Outcome } from '../ports/index.ts';
import type { Machine } from './machine.ts';
import { ENOUGH_MS, Scene } from './testing/scene.ts';

const ID = 'once';
const EVENTUAL = { consistency: 'eventual', minIndex: 0, timeoutMs: ENOUGH_MS } as const;

/** Takes a write by itself, has it ordered, forgets it, and starts again: it has a state. */
async function restarted(): Promise<{ scene: Scene; machine: Machine }> {
  const scene = new Scene(4, true);
  await scene.comeUp();
  // From the first change of the members behind the snapshot on, it is the core that replays.
  const [leader, machine, gone] = scene.cluster.machines.toSorted(byLeading);
  assert.ok(leader && machine && gone);
  const answer = scene.remove(leader, gone.memberId);
  await scene.until('another one is removed', () => answer.status === 204);
  const first = await take(scene, machine);
  assert.equal(first.kind, 'applied');
  // Its disk hears of a commit together with what comes next.
  const taken: string[] = [];
  void scene.writeLocally(machine, taken);
  await scene.until('it takes more', () => taken.length > 200);
  machine.crash('process');
  machine.start();
  await scene.until('it has a state', () => (machine.core?.engine.state() ?? null) !== null);
  return { scene, machine };
}

function byLeading(a: Machine, b: Machine): number {
  return Number(isLeading(b)) - Number(isLeading(a));
}

function isLeading({ core }: Machine): boolean {
  return core?.consensus?.leading === true;
}

/** What the node holds of the row at this moment, in its state or its outbox. */
function isShown({ core }: Machine): boolean {
  return core?.engine.state()?.model('Memo')?.get(ID) !== undefined;
}

async function take(scene: Scene, { core }: Machine): Promise<Outcome> {
  assert.ok(core);
  const submitted = core.engine.submit(creation(core.engine.state()?.schemaVersion ?? 0));
  assert.ok(await scene.cluster.settled(submitted, ENOUGH_MS));
  return await submitted;
}

function creation(schemaVersion: number): CommandEnvelope {
  return {
    command: { kind: 'create', model: 'Memo', body: { id: ID, stamp: ID } },
    actor: { subject: 'somebody', method: 'apiKey', roles: [] },
    schemaVersion,
    idempotency: null,
    timeoutMs: ENOUGH_MS,
  };
}

describe('a member that starts again', () => {
  it('shows no less than it had taken, once it shows anything', async () => {
    const { scene, machine } = await restarted();
    assert.ok(!isShown(machine), 'the test comes too late, or the outbox has it still');
    const barrier = machine.core?.engine.readBarrier(EVENTUAL) ?? Promise.resolve();
    assert.ok(await scene.cluster.settled(barrier, ENOUGH_MS));
    assert.ok(isShown(machine));
  });

  it('builds on what it had taken', async () => {
    const { scene, machine } = await restarted();
    assert.ok(!isShown(machine), 'the test comes too late, or the outbox has it still');
    const again = await take(scene, machine);
    assert.equal(again.kind === 'rejected' && again.code, 'already_exists', JSON.stringify(again));
  });
});
