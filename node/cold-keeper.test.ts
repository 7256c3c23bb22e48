import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ColdError, type ColdStore } from './cold/index.ts';
import { historyRules } from './history/index.ts';
import { restoreState, stateHash } from './state/index.ts';
import { KeptGroup, KeptMember, noteSchema, priceOf, SECOND_MS } from './test/kept-history.ts';

const DAY_MS = 86_400_000;
const LIMITS = { hotBytes: 1e9, pollMs: SECOND_MS };
const STORE = { cold: { type: 'directory', directory: '/cold' } };
const FOLDER = '/cold/c1/1';

function coldSchema(cold = 'forever') {
  const lifecycle = { retention: { hot: '1d', warm: '9d', cold } };
  return noteSchema({ lifecycle, store: STORE });
}

async function groupOf(members: number, schema = coldSchema()): Promise<KeptGroup> {
  const group = await KeptGroup.of(members, schema, LIMITS);
  await group.coldFs.makeDirectory('/cold');
  return group;
}

/** Lets time pass and everything that is due be done. */
async function pass(group: KeptGroup, ms: number): Promise<void> {
  group.clock.ms += ms;
  for (let round = 0; round < 4; round++) {
    group.clock.ms += 400 * SECOND_MS;
    for (const { keeper } of group.members) keeper.start();
    for (let turn = 0; turn < 60; turn++) await nextTurn();
  }
}

/** Changes notes on each of some days. */
async function days(group: KeptGroup, count: number, ids = ['a', 'b', 'c']): Promise<void> {
  for (let day = 0; day < count; day++) {
    for (const id of ids) group.change(id);
    await pass(group, DAY_MS);
  }
}

async function historyOf(member: KeptMember | undefined, id: string): Promise<string[]> {
  const found = (await member?.keeper.reader()?.versions('Note', id, Infinity, 1000)) ?? [];
  return found.map(({ version, json }) => {
    assert.ok(json === null || json.includes(priceOf(id, version)), `${id} ${version}: ${json}`);
    return `${version}`;
  });
}

const countdown = (from: number): string[] =>
  Array.from({ length: from }, (_, at) => `${from - at}`);
const objectsIn = (group: KeptGroup): Promise<string[]> =>
  group.coldFs.list(FOLDER).catch(() => []);
const localOldest = ({ archive }: KeptMember): number =>
  Math.min(...archive.files.map(({ summary }) => summary.oldestMs));

describe('what gets cold', () => {
  test('moves to the store once, leaves the disk of every member, and is read by all', async () => {
    const group = await groupOf(3);
    await days(group, 20);
    const [first] = group.members;
    const objects = first?.state.history.coldOf('Note') ?? [];
    assert.ok(objects.length > 0);
    assert.deepEqual((await objectsIn(group)).length, objects.length);
    for (const member of group.members) {
      assert.ok(localOldest(member) > (objects.at(-1)?.upToMs ?? 0));
      for (const id of ['a', 'b', 'c'])
        assert.deepEqual(await historyOf(member, id), countdown(20));
      assert.deepEqual(await historyOf(member, 'none'), []);
      assert.deepEqual(member.logger.messages('error'), []);
    }
    const hashes = new Set(group.members.map(({ state }) => stateHash(state)));
    assert.equal(hashes.size, 1);
    assert.equal(group.members.filter((m) => m.keeper.coldFigures.uploadedObjects > 0).length, 1);
  });

  test('is found by time, and after a restart without the store where the row is not in it', async () => {
    const group = await groupOf(1);
    const startMs = group.clock.nowMs();
    await days(group, 20, ['a']);
    const [before] = group.members;
    const outage = outageOf(group, false);
    const restarted = await before?.restart();
    const found = await restarted?.keeper.reader()?.asOf('Note', 'a', startMs + 10);
    assert.equal(found?.version, 1);
    assert.ok(outage.calls <= 3, `blocks that are needed are fetched: ${outage.calls} requests`);
    outage.isAway = true;
    assert.deepEqual(await historyOf(restarted, 'never-there'), []);
  });

  test('is in the snapshot that a new member begins with', async () => {
    const group = await groupOf(1);
    await days(group, 20);
    const [leader] = group.members;
    assert.ok(leader);
    const state = await restoreState(leader.state.snapshot());
    const joined = await KeptMember.open(group, 2, state);
    group.members.push(joined);
    await pass(group, 0);
    assert.deepEqual(await historyOf(joined, 'b'), countdown(20));
    assert.equal(stateHash(joined.state), stateHash(leader.state));
  });
});

describe('a member that goes on without the others', () => {
  test('takes back what is in the store, and needs it no more', async () => {
    const group = await groupOf(2);
    await days(group, 20);
    const [member] = group.members;
    assert.ok(member && member.state.history.coldOf('Note').length > 0);
    const before = localOldest(member);
    assert.equal(await member.keeper.takeBack(), member.state.history.coldOf('Note').length);
    assert.ok(localOldest(member) < before);
    member.state.history.forgetCold();
    for (const id of ['a', 'b', 'c']) assert.deepEqual(await historyOf(member, id), countdown(20));
    const again = await member.restart();
    assert.deepEqual(await historyOf(again, 'a'), countdown(20));
  });

  test('goes on all the same where the store is lost, and says what stays there', async () => {
    const group = await groupOf(1);
    const outage = outageOf(group, false);
    await days(group, 20);
    const [first] = group.members;
    assert.ok(first);
    const member = await first.restart();
    outage.isAway = true;
    assert.equal(await member.keeper.takeBack(), null);
    assert.match(member.logger.messages('error').join(), /it stays there alone/);
    assert.equal((await member.keeper.reader()?.versions('Note', 'a', Infinity, 3))?.length, 3);
  });
});

/** Has every use of the store fail while it is away. */
class Outage {
  isAway = true;
  calls = 0;

  of(store: ColdStore): ColdStore {
    const use = <T>(work: () => Promise<T>): Promise<T> => {
      this.calls += 1;
      if (this.isAway) return Promise.reject(new ColdError('COLD_UNAVAILABLE', 'it is away'));
      return work();
    };
    return {
      description: store.description,
      put: (...args) => use(() => store.put(...args)),
      stat: (...args) => use(() => store.stat(...args)),
      read: (...args) => use(() => store.read(...args)),
      remove: (...args) => use(() => store.remove(...args)),
      list: (...args) => use(() => store.list(...args)),
      close: () => store.close(),
    };
  }
}

/** Comes between a group and its store from now on. */
function outageOf(group: KeptGroup, isAway: boolean): Outage {
  const outage = new Outage();
  outage.isAway = isAway;
  const open = group.openStore.bind(group);
  group.openStore = (settings, member) => outage.of(open(settings, member));
  return outage;
}

describe('a store that does not answer', () => {
  test('loses and blocks nothing; what waited is moved when it is back', async () => {
    const group = await groupOf(2);
    const outage = outageOf(group, true);
    await days(group, 20);
    assert.deepEqual(await objectsIn(group), []);
    for (const member of group.members) {
      assert.deepEqual(await historyOf(member, 'a'), countdown(20));
      assert.ok(member.archive.generation > 15, 'generations are archived all the same');
    }
    const [leader] = group.members;
    assert.ok((leader?.keeper.coldFigures.failures ?? 0) > 0);
    assert.ok(outage.calls < 100, `it is asked ever more seldom: ${outage.calls} times`);
    outage.isAway = false;
    await pass(group, 600 * SECOND_MS);
    assert.ok((await objectsIn(group)).length > 0);
    for (const member of group.members)
      assert.deepEqual(await historyOf(member, 'a'), countdown(20));
  });

  test('makes questions about what is in it fail for now, and no others', async () => {
    const group = await groupOf(1);
    const outage = outageOf(group, false);
    await days(group, 20);
    const member = await group.members[0]?.restart();
    outage.isAway = true;
    await assert.rejects(historyOf(member, 'a'), { code: 'unavailable' });
    const newest = await member?.keeper.reader()?.versions('Note', 'a', Infinity, 3);
    assert.equal(newest?.length, 3);
  });
});

describe('a member lets go of nothing', () => {
  test('while the object is not in its store, as in a directory that is not shared', async () => {
    const group = await groupOf(2);
    const other = new Outage();
    const open = group.openStore.bind(group);
    group.openStore = (settings, member) =>
      member.id === 2 ? other.of(open(settings, member)) : open(settings, member);
    await days(group, 20);
    const [first, second] = group.members;
    assert.ok(first && second);
    assert.ok(localOldest(first) > localOldest(second));
    other.isAway = false;
    await pass(group, 600 * SECOND_MS);
    assert.equal(localOldest(first), localOldest(second));
  });

  test('that the object lacks, and says so', async () => {
    const group = await groupOf(2);
    const [first, second] = group.members;
    assert.ok(first && second);
    for (const id of ['a', 'b']) group.change(id);
    await pass(group, 2 * DAY_MS);
    // The leader's archive has lost a row that the other one has.
    const [model] = coldSchema('1d').models;
    const strict = model === undefined ? null : historyRules(model);
    await first.archive.fold(
      {
        rules: () => strict ?? undefined,
        moment: (_, id) => ({ newest: id === 'b' ? 9 : 1, nowMs: id === 'b' ? 1e15 : 0 }),
        nowMs: 0,
      },
      true,
    );
    group.change('a');
    await pass(group, 20 * DAY_MS);
    assert.ok((await objectsIn(group)).length > 0);
    assert.match(second.logger.messages('error').join(), /lacks history that this member has/);
    assert.equal(second.keeper.coldFigures.disputed, 1);
    assert.deepEqual(await historyOf(second, 'b'), countdown(1));
  });
});

describe('what is not kept any more', () => {
  test('goes from the store with its objects', async () => {
    const group = await groupOf(2, coldSchema('10d'));
    await days(group, 45);
    const text = await coldText(group);
    for (let version = 1; version <= 20; version++) {
      assert.ok(!text.includes(priceOf('a', version)), `version ${version}`);
    }
    assert.ok(text.includes(priceOf('a', 30)));
    const named = group.members[0]?.state.history
      .coldOf('Note')
      .map(({ name }) => name)
      .sort();
    assert.deepEqual(await objectsIn(group), named);
  });

  test('goes at once where all is tidied, and what is left over by a leader that ended', async () => {
    const group = await groupOf(1, coldSchema('10d'));
    await days(group, 20);
    group.clock.ms += 13 * DAY_MS;
    group.change('other');
    const left = await group.coldFs.open(`${FOLDER}/Note-1-2-left.arc`, 'create');
    await left.close();
    const [member] = group.members;
    await member?.keeper.seal();
    await member?.keeper.tidy();
    const text = await coldText(group);
    const kept = countdown(20).filter((version) => text.includes(priceOf('a', Number(version))));
    assert.deepEqual(
      kept,
      (await historyOf(member, 'a')).filter((v) => kept.includes(v)),
    );
    assert.ok(!text.includes(priceOf('a', 5)));
    const named = member?.state.history
      .coldOf('Note')
      .map(({ name }) => name)
      .sort();
    assert.deepEqual(await objectsIn(group), named);
  });

  test('small objects are joined, and nothing is lost', async () => {
    const group = await groupOf(2);
    await days(group, 60, ['a']);
    const objects = await objectsIn(group);
    assert.ok(objects.length < 20, `${objects.length} objects`);
    for (const member of group.members)
      assert.deepEqual(await historyOf(member, 'a'), countdown(60));
  });
});

/** Everything that is in the store, uncompressed. */
async function coldText(group: KeptGroup): Promise<string> {
  const [member] = group.members;
  const held = await member?.keeper.hold();
  const texts: string[] = [];
  for (const file of held?.files ?? []) {
    for await (const records of file.all()) texts.push(JSON.stringify(records));
  }
  held?.release();
  return texts.join('\n');
}
