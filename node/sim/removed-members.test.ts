import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ENOUGH_MS, Scene } from './testing/scene.ts';

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
