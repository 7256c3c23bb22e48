import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WaitingStatus } from '@lithair/crds/contract';
import type { MemberRecord } from '../ports/index.ts';
import { AdminError } from './errors.ts';
import type { Survivor } from './promotion-guard.ts';
import { RegionPromotion } from './region-promotion.ts';

const VOTERS = [1, 2, 3];
const SELF = 4;
const REQUEST = { region: 'far', confirm: 'c/1' };

function recordOf(id: number): MemberRecord {
  const isVoter = VOTERS.includes(id);
  const intent = isVoter ? 'voter' : 'learner';
  const region = isVoter ? 'near' : 'far';
  return { id, name: `n${id}`, address: `n${id}:1`, diskUuid: `d${id}`, intent, region };
}

function survivorOf(id: number, more: Partial<Survivor> = {}): Survivor {
  const logEnd = { term: 2, index: 10 };
  return { clusterId: 'c', epoch: 1, memberId: id, name: `n${id}`, logEnd, ...more };
}

/** Learner 4, whose log ends at index 10 of term 2, and those that answer it. */
function learner(answers: readonly (Survivor | WaitingStatus)[], installing = false) {
  const epochs: string[] = [];
  const confState = { learners: [4, 5], votersOutgoing: [], learnersNext: [], autoLeave: false };
  const promotion = new RegionPromotion({
    view: {
      memberId: SELF,
      installing,
      confState: { ...confState, voters: VOTERS },
      state: { clusterId: 'c', epoch: 1, members: () => [1, 2, 3, 4, 5].map(recordOf) },
      status: () => ({ commit: 9 }),
    },
    info: { logEnd: () => ({ term: 2, index: 10 }) },
    ask: ({ name }) => {
      const found = answers.find((one) => one.name === name);
      return found ? Promise.resolve(found) : Promise.reject(new Error('connection refused'));
    },
    heardMs: () => 1234,
    logTimeMs: () => 5678,
    foundNextEpoch: () => {
      epochs.push('founded');
      return Promise.resolve({ index: 11, logTimeMs: 5679 });
    },
  });
  return { promotion, epochs };
}

/** The code of a refusal, which must leave the epoch as it is. */
async function refused(
  { promotion, epochs }: ReturnType<typeof learner>,
  request: Parameters<RegionPromotion['promote']>[0] = REQUEST,
): Promise<string> {
  try {
    const { result } = await promotion.promote(request);
    return result;
  } catch (error) {
    assert.ok(error instanceof AdminError);
    assert.deepEqual(epochs, []);
    return `${error.code}: ${error.message}`;
  }
}

test('a region takes over where the voters are lost and it is confirmed what is given up', async () => {
  const { promotion, epochs } = learner([survivorOf(5)]);
  const answer = await promotion.promote(REQUEST);
  assert.deepEqual(epochs, ['founded']);
  assert.deepEqual(
    [answer.result, answer.index, answer.logTimeMs, answer.left],
    ['promoted', 11, 5679, ['n1', 'n2', 'n3', 'n5']],
  );
  await assert.rejects(promotion.promote(REQUEST), { code: 'unavailable' });
});

test('without a confirmation it is said what would be given up, and nothing is done', async () => {
  const { promotion, epochs } = learner([]);
  const { result, index, commit, heardMs } = await promotion.promote({ region: 'far' });
  assert.deepEqual([result, index, commit, heardMs], ['would-promote', 10, 9, 1234]);
  assert.deepEqual(epochs, []);
});

test('the confirmation names the cluster and its epoch', async () => {
  for (const confirm of ['c/2', 'd/1', 'c', '']) {
    const text = await refused(learner([]), { region: 'far', confirm });
    assert.equal(
      text,
      `not_confirmed: the cluster and epoch that are given up are c/1, not ${confirm}`,
    );
  }
});

test('a quorum that answers goes on by itself; fewer than that do not', async () => {
  const two = learner([survivorOf(1), survivorOf(3)]);
  assert.match(await refused(two), /^quorum_answers: 2 of 3 voters answer/);
  const one = learner([survivorOf(1), survivorOf(5)]);
  assert.equal(await refused(one), 'promoted', 'learners are no quorum');
});

test('voters of another cluster or epoch, and those that wait for one, do not count', async () => {
  const waiting: WaitingStatus = { waiting: true, name: 'n3', version: '0' };
  const others = [survivorOf(1, { epoch: 2 }), survivorOf(2, { clusterId: 'd' }), waiting];
  assert.equal(await refused(learner(others)), 'promoted');
});

test('a survivor that holds more takes over instead', async () => {
  const further = /^further_along: member 5 \(n5\) answers and holds entries up to \d+ of term \d/;
  const later = survivorOf(5, { logEnd: { term: 3, index: 1 } });
  assert.match(await refused(learner([later])), further);
  assert.match(
    await refused(learner([survivorOf(5, { logEnd: { term: 2, index: 11 } })])),
    further,
  );
  const lagging = survivorOf(5, { logEnd: { term: 1, index: 99 } });
  assert.equal(await refused(learner([lagging])), 'promoted');
});

test('only a member of the region with a complete state can take over for it', async () => {
  const near = { region: 'near', confirm: 'c/1' };
  assert.equal(
    await refused(learner([]), near),
    'invalid_request: this member is in far: ask one in near',
  );
  assert.match(await refused(learner([], true)), /^unavailable: this member has no complete state/);
});
