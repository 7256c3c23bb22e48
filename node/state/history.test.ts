import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Schema } from '@lithair/crds';
import { type Change, encodeEntry } from '../entry/index.ts';
import { type ReplicatedState, restoreState, stateHash } from './index.ts';
import { BRAND, chunksOf, NOW_MS, SHOP, shopState, write } from './testing/shop.ts';

const REMEMBERED: Schema = {
  ...SHOP,
  models: [{ ...BRAND, lifecycle: { audited: true, versioned: 5 } }, ...SHOP.models.slice(1)],
};
const CLERK = { subject: 'clerk-7', method: 'apiKey' } as const;

function brand(version: number, title: string, events?: string[]): Change {
  return {
    effect: version === 1 ? 'created' : 'updated',
    model: 'Brand',
    id: 'acme',
    expectedVersion: version - 1,
    json: JSON.stringify({ code: 'acme', title, parent: null }),
    keys: [`s${title}`, ''],
    ...(events && { events }),
  };
}

function remembering(schema = REMEMBERED): ReplicatedState {
  const state = shopState({}, schema);
  state.apply(2, 1, write([brand(1, 'Acme')], { actor: CLERK }));
  state.apply(3, 1, write([brand(2, 'Acme Ltd', ['Renamed', 'Legalized'])], { actor: CLERK }));
  const gone = { effect: 'deleted', model: 'Brand', id: 'acme', expectedVersion: 2 } as const;
  state.apply(4, 1, write([gone], { timestampMs: NOW_MS + 5 }));
  return state;
}

test('every accepted change of a model that keeps history is a version, with who made it', () => {
  const [deleted, renamed, created, ...more] = remembering().history.versions(
    'Brand',
    'acme',
    Infinity,
    10,
  );
  assert.deepEqual(more, []);
  assert.deepEqual(
    [created, renamed, deleted].map((record) => [
      record?.version,
      record?.sequence,
      record?.events,
      record?.actor,
    ]),
    [
      [1, 1, ['BrandCreated'], CLERK],
      [2, 2, ['Renamed', 'Legalized'], CLERK],
      [3, 4, ['BrandDeleted'], { subject: 'anonymous', method: 'none' }],
    ],
  );
  assert.equal(created?.before, null);
  assert.equal(renamed?.before, created?.json);
  assert.equal(deleted?.json, null);
  assert.equal(deleted?.before, renamed?.json);
});

test('what a row was at a time is its last version that is not younger', () => {
  const { history } = remembering();
  assert.equal(history.asOf('Brand', 'acme', NOW_MS - 1), undefined);
  assert.equal(history.asOf('Brand', 'acme', NOW_MS + 4)?.version, 2);
  assert.equal(history.asOf('Brand', 'acme', NOW_MS + 5)?.version, 3);
});

function chainOf(schema?: Schema) {
  const versions = remembering(schema).history.versions('Brand', 'acme', Infinity, 10);
  return versions.map(({ evidence }) => evidence?.position ?? null);
}

test('versions of a model with tamperEvidence are chained, and those of others are not', () => {
  const evident: Schema = {
    ...SHOP,
    models: [
      { ...BRAND, lifecycle: { audited: true }, tamperEvidence: true },
      ...SHOP.models.slice(1),
    ],
  };
  assert.deepEqual(chainOf(evident), [3, 2, 1]);
  assert.deepEqual(chainOf(), [null, null, null]);
});

test('a model that declares nothing keeps nothing, and its events are counted all the same', () => {
  const state = remembering(SHOP);
  assert.deepEqual(state.history.versions('Brand', 'acme', Infinity, 10), []);
  assert.equal(state.eventSequence, 4);
});

test('a member restored from a snapshot has the same history, and goes on with it', async () => {
  const state = remembering();
  const restored = await restoreState(state.snapshot());
  assert.deepEqual(restored.history.capture(), state.history.capture());
  for (const member of [state, restored]) {
    member.apply(5, 1, write([{ ...brand(1, 'Again'), expectedVersion: 3 }]));
  }
  assert.equal(stateHash(restored), stateHash(state));
  assert.equal(restored.history.versions('Brand', 'acme', Infinity, 1)[0]?.version, 4);
});

test('a snapshot that lacks a part of the history is refused', async () => {
  const chunks = chunksOf(remembering());
  await assert.rejects(restoreState(chunks.slice(0, -1)), /generation 1 is not complete/);
});

test('a snapshot goes on to show its own moment while history grows', () => {
  const state = remembering();
  const snapshot = state.snapshot();
  const before = stateHash(state);
  state.apply(5, 1, write([{ ...brand(1, 'Again'), expectedVersion: 3 }]));
  assert.notEqual(stateHash(state), before);
  assert.equal([...snapshot].length, [...remembering().snapshot()].length);
});

const compaction = (generation: number, timestampMs = NOW_MS) =>
  encodeEntry({ kind: 'compact', memberId: 1, timestampMs, generation, digests: [] });

test('a compaction seals what was remembered so far; a second one of the same finds nothing', () => {
  const state = remembering();
  assert.deepEqual(state.apply(5, 1, compaction(1, NOW_MS + 9)), { kind: 'compact', sealed: true });
  assert.deepEqual(state.apply(6, 1, compaction(1)), { kind: 'compact', sealed: false });
  assert.deepEqual(state.apply(7, 1, compaction(2)), { kind: 'compact', sealed: false });
  assert.deepEqual(
    state.history.resident.map(({ number, count }) => [number, count]),
    [
      [1, 3],
      [2, 0],
    ],
  );
  assert.equal(state.logTimeMs, NOW_MS + 9);
  assert.equal(state.history.versions('Brand', 'acme', Infinity, 10).length, 3);
});

test('whether a member has archived a generation yet is not part of what members agree on', async () => {
  const [slow, quick] = [remembering(), remembering()];
  for (const state of [slow, quick]) state.apply(5, 1, compaction(1));
  quick.history.archived(1);
  assert.equal(stateHash(quick), stateHash(slow));
  assert.deepEqual(quick.history.versions('Brand', 'acme', Infinity, 10), []);
  const restored = await restoreState(slow.snapshot());
  assert.equal(restored.history.firstResident, 1);
  assert.equal(restored.history.versions('Brand', 'acme', Infinity, 10).length, 3);
  assert.equal((await restoreState(quick.snapshot())).history.firstResident, 2);
});
