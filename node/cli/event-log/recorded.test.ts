import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { KeptGroup, noteSchema, SECOND_MS } from '../../test/kept-history.ts';
import { type RecordedVersion, recordedVersions, type Wanted } from './recorded.ts';

const ALL: Wanted = { matches: () => true, sinceMs: null, upToSequence: Infinity };

/** Three generations in archives, and a fourth in memory; ten notes in each. */
async function member() {
  const group = await KeptGroup.of(1, noteSchema(), { hotBytes: 1_000, pollMs: SECOND_MS });
  const [kept] = group.members;
  assert.ok(kept);
  for (let round = 0; round < 4; round++) {
    for (let at = 9; at >= 0; at--) group.change(`n${at}`);
    if (round === 3) break;
    group.clock.ms += 10 * SECOND_MS;
    kept.keeper.start();
    for (let turn = 0; turn < 50; turn++) await nextTurn();
  }
  assert.ok(kept.archive.generation >= 3);
  return kept;
}

async function sequences(wanted: Partial<Wanted>, window?: number): Promise<number[]> {
  const { fs, state } = await member();
  const options = { dir: '/data', fs };
  const found: RecordedVersion[] = [];
  for await (const version of recordedVersions(options, state, { ...ALL, ...wanted }, window)) {
    found.push(version);
  }
  return found.map(({ record }) => record.sequence);
}

const upTo = (last: number) => Array.from({ length: last }, (_, at) => at + 1);

for (const window of [1, 7, 40, undefined]) {
  test(`what archives and memory hold comes in the order of its events, ${window ?? 'all'} at a time`, async () => {
    assert.deepEqual(await sequences({}, window), upTo(40));
  });
}

test('what is not wanted is left out, before it is put in order', async () => {
  const ofOne = await sequences({ matches: ({ record }) => record.id === 'n9' }, 2);
  assert.deepEqual(ofOne, [1, 11, 21, 31]);
  assert.deepEqual(await sequences({ upToSequence: 12 }, 5), upTo(12));
  const { state } = await member();
  assert.deepEqual(await sequences({ sinceMs: state.logTimeMs }), upTo(40).slice(30));
});
