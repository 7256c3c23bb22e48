import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { restoreState } from './state/index.ts';
import { KeptGroup, KeptMember, noteSchema, SECOND_MS } from './test/kept-history.ts';

const SMALL = { hotBytes: 1_000, pollMs: SECOND_MS };

/** Lets what was begun run to its end. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await nextTurn();
}

/** Looks after history on all members once. */
async function look(group: KeptGroup): Promise<void> {
  group.clock.ms += 10 * SECOND_MS;
  for (const { keeper } of group.members) keeper.start();
  await settle();
}

/** A member with archives, and one that was restored from its snapshot and has none. */
async function pair(): Promise<{ group: KeptGroup; giver: KeptMember; taker: KeptMember }> {
  const group = await KeptGroup.of(1, noteSchema(), SMALL);
  for (let round = 0; round < 3; round++) {
    for (let at = 0; at < 20; at++) group.change(`n${at}`);
    await look(group);
  }
  const [giver] = group.members;
  assert.ok(giver);
  assert.ok(giver.archive.generation >= 3);
  const state = await restoreState(giver.state.snapshot());
  const taker = await KeptMember.open(group, 2, state);
  group.members.push(taker);
  return { group, giver, taker };
}

test('a member that lacks archives gets them from another one', async () => {
  const { group, giver, taker } = await pair();
  assert.equal(taker.keeper.isComplete, false);
  await look(group);
  assert.equal(taker.keeper.isComplete, true);
  assert.equal(taker.archive.generation, giver.archive.generation);
  assert.deepEqual(taker.logger.messages('error'), []);
});

test('a member waits for archives while one that has them may come back', async () => {
  const { group, giver, taker } = await pair();
  giver.ask = () => Promise.reject(new Error('it is away'));
  await look(group);
  await look(group);
  assert.equal(taker.keeper.isComplete, false);
  assert.deepEqual(taker.logger.messages('error'), []);
});

test('a lone member whose archives nobody has any more says so, and goes on to seal and archive', async () => {
  const { group, taker } = await pair();
  const lost = taker.state.history.firstResident - 1;
  group.members = [taker];
  group.leader = taker;
  await look(group);
  assert.equal(taker.keeper.isComplete, true);
  assert.match(taker.logger.messages('error').join(), /no member has the history/);
  for (let round = 0; round < 3; round++) {
    for (let at = 0; at < 20; at++) group.change(`n${at}`);
    await look(group);
  }
  assert.ok(taker.archive.generation > lost + 1, `generation ${taker.archive.generation}`);
  const reader = taker.keeper.reader();
  const found = (await reader?.versions('Note', 'n1', Infinity, 10)) ?? [];
  assert.deepEqual(
    found.map(({ version }) => version),
    [6, 5, 4],
  );
});

test('members that all lack the same archives stop waiting for each other', async () => {
  const { group, taker } = await pair();
  const other = await KeptMember.open(group, 3, await restoreState(taker.state.snapshot()));
  group.members = [taker, other];
  group.leader = taker;
  await look(group);
  await look(group);
  assert.ok(taker.keeper.isComplete && other.keeper.isComplete);
});

test('history leaves memory when it is as old as the model says, and not before', async () => {
  const schema = noteSchema({ lifecycle: { retention: { hot: '30s', warm: '1h' } } });
  const group = await KeptGroup.of(1, schema, { ...SMALL, hotBytes: 1e9 });
  const [member] = group.members;
  assert.ok(member);
  group.change('n1');
  await look(group);
  assert.equal(member.archive.generation, 0);
  for (let round = 0; round < 4; round++) await look(group);
  assert.equal(member.archive.generation, 1);
});
