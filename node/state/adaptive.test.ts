import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { canonicalJson, type Schema } from '@lithair/crds';
import { encodeEntry } from '../entry/index.ts';
import type { ReplicatedState } from './index.ts';
import { restoreState, stateHash } from './index.ts';
import { KeyedHash } from './slab/index.ts';
import { AdaptiveStore } from './testing/adaptive-store.ts';
import { contractRow } from './testing/aggregate-store-contract.ts';
import { BRAND, field, NOW_MS, SHOP, shopState, write } from './testing/shop.ts';
import { leaveToSnapshot, restoredCold } from './testing/snapshot-file.ts';

const [, ...OTHERS] = SHOP.models;
const ADAPTIVE: Schema = { ...SHOP, models: [{ ...BRAND, adaptive: { cacheMiB: 1 } }, ...OTHERS] };

function put(state: ReplicatedState, code: string, title: string, noteLength = 300): void {
  const expectedVersion = state.versionOf('Brand', code);
  const json = JSON.stringify({ code, title, parent: null, note: 'x'.repeat(noteLength) });
  const effect = expectedVersion === 0 ? 'created' : 'updated';
  const change = {
    effect,
    model: 'Brand',
    id: code,
    expectedVersion,
    json,
    keys: [title, ''],
  } as const;
  const result = state.apply(state.appliedIndex + 1, 1, write([change]));
  assert.ok(result.kind === 'write' && result.outcome.kind === 'applied');
}

function filled(count = 400): ReplicatedState {
  const state = shopState({}, ADAPTIVE);
  for (let n = 0; n < count; n++) put(state, `brand-${n}`, `Title ${'é'.repeat(n % 3)} ${n}`);
  return state;
}

function cool(state: ReplicatedState): void {
  leaveToSnapshot(state);
  while (!state.coolSome());
}

const statistics = (state: ReplicatedState) => state.model('Brand')?.statistics ?? assert.fail();

function scan(state: ReplicatedState): unknown[] {
  const rows = state.model('Brand')?.scan({ descending: false }) ?? [];
  return Array.from(rows, ({ id, version, json, keys }) => ({ id, version, json, keys }));
}

function changeTo(state: ReplicatedState, models: Schema['models']): void {
  const entry = {
    kind: 'schema',
    memberId: 1,
    timestampMs: NOW_MS,
    expectedSchemaVersion: state.schemaVersion,
    schemaJson: canonicalJson({ ...state.schema, models }),
  } as const;
  const changed = state.apply(state.appliedIndex + 1, 1, encodeEntry(entry));
  assert.equal(changed.kind, 'schema');
}

describe('an adaptive model', () => {
  it('leaves rows to the snapshot that has them, and reads them from there', () => {
    const [cold, eager] = [filled(), filled()];
    const before = statistics(cold).liveBytes;
    cool(cold);
    assert.ok(statistics(cold).liveBytes < before / 2);
    assert.equal(statistics(cold).fileReads, 0);
    assert.deepEqual(cold.find('Brand', 'brand-7'), eager.find('Brand', 'brand-7'));
    assert.equal(statistics(cold).fileReads, 1);
    assert.deepEqual(cold.find('Brand', 'brand-7'), eager.find('Brand', 'brand-7'));
    assert.equal(statistics(cold).fileReads, 1, 'the second time from the cache');
    assert.deepEqual(scan(cold), scan(eager));
    assert.equal(stateHash(cold), stateHash(eager));
  });

  it('keeps what was written since in memory, and takes it along with the next snapshot', () => {
    const state = filled();
    leaveToSnapshot(state);
    put(state, 'brand-1', 'written meanwhile');
    while (!state.coolSome());
    put(state, 'brand-2', 'written later');
    assert.match(state.find('Brand', 'brand-1')?.json ?? '', /meanwhile/);
    assert.match(state.find('Brand', 'brand-2')?.json ?? '', /later/);
    assert.equal(statistics(state).fileReads, 0);
    cool(state);
    const { fileReads } = statistics(state);
    assert.match(state.find('Brand', 'brand-1')?.json ?? '', /meanwhile/);
    assert.equal(statistics(state).fileReads, fileReads + 1);
  });

  it('bounds what it keeps of what was read', () => {
    const store = new AdaptiveStore(['unique', 'ordered'], new KeyedHash(new Uint8Array(8)));
    for (let n = 1; n <= 100; n++)
      store.put({ ...contractRow(`id-${n}`, 1, `u${n}`), sequence: n });
    store.coolAll();
    assert.equal([...store.scan({ descending: false })].length, 100);
    assert.ok(store.statistics().cacheBytes > 0 && store.statistics().cacheBytes <= 600);
    assert.equal(store.open, 1, 'files that nobody needs are closed');
  });

  it('keeps as much of what was read as the model says', () => {
    const state = filled();
    const codes = Array.from({ length: 8 }, (_, n) => `large-${n}`);
    for (const code of codes) put(state, code, `Large ${code}`, 300 * 1024);
    cool(state);
    for (const code of codes) assert.match(state.find('Brand', code)?.json ?? '', /Large/);
    const { cacheBytes } = statistics(state);
    assert.ok(cacheBytes > 512 * 1024 && cacheBytes <= 1024 * 1024, `${cacheBytes} bytes`);
  });

  it('reads few rows of one file in a turn while they go over to another under a new model', () => {
    const state = filled(0);
    for (let n = 0; n < 150; n++) put(state, `brand-${(n * 61) % 150}`, `Title ${n}`, 70_000);
    cool(state);
    const models = state.schema.models.map((model) =>
      model.name === 'Brand'
        ? { ...model, fields: [...model.fields, field('tint', 'string', { default: 'red' })] }
        : model,
    );
    changeTo(state, models);
    leaveToSnapshot(state);
    const readsOf = () => statistics(state).fileReads;
    const before = readsOf();
    let most = 0;
    for (let isDone = false; !isDone; ) {
      const begun = readsOf();
      isDone = state.coolSome();
      most = Math.max(most, readsOf() - begun);
    }
    assert.ok(readsOf() - before >= 150, 'all of them were read');
    assert.ok(most <= 32, `${most} reads in one turn`);
    assert.match(state.find('Brand', 'brand-61')?.json ?? '', /Title 1".*"tint":"red"/);
  });

  it('has rows that a new index needs read ahead, stretch by stretch', async () => {
    const withNote = { ...BRAND, fields: [...BRAND.fields, field('note', 'text')] };
    const models = [{ ...withNote, adaptive: { cacheMiB: 1 } }, ...OTHERS];
    const state = shopState({}, { ...SHOP, models });
    for (let n = 0; n < 150; n++) put(state, `brand-${(n * 61) % 150}`, `Title ${n}`, 70_000);
    const asked: [position: number, bytes: number][] = [];
    const readAhead = (position: number, bytes: number) => {
      asked.push([position, bytes]);
      return Promise.resolve();
    };
    leaveToSnapshot(state, undefined, (file) => ({ ...file, readAhead }));
    while (!state.coolSome());
    const prepareAhead = () => state.model('Brand')?.store.readAheadToPrepare();
    assert.equal(prepareAhead(), null, 'nothing is being prepared');
    const fields = [...BRAND.fields, field('note', 'text', { index: 'ordered' })];
    changeTo(
      state,
      models.map((model) => (model.name === 'Brand' ? { ...model, fields } : model)),
    );
    await prepareAhead();
    assert.equal(asked.length, 32, 'as many as are read in a turn');
    assert.ok(asked.every(([, bytes]) => bytes >= 70_000 && bytes < 80_000));
    const before = statistics(state).fileReads;
    assert.equal(state.prepareSome(), false);
    assert.equal(statistics(state).fileReads - before, 32);
    await prepareAhead();
    assert.equal(new Set(asked.map(([position]) => position)).size, 64, 'and then the next ones');
  });

  it('restores without taking rows into memory, to the same state', async () => {
    const state = filled();
    const [restored, eager] = [await restoredCold(state), await restoreState(state.snapshot())];
    assert.ok(statistics(restored).liveBytes < statistics(eager).liveBytes / 2);
    assert.equal(stateHash(restored), stateHash(eager));
    for (const each of [restored, eager]) put(each, 'brand-3', 'after the restart');
    cool(restored);
    assert.equal(stateHash(restored), stateHash(eager));
  });

  it('never gives out a row that was damaged in the file', () => {
    const state = filled();
    leaveToSnapshot(state, (content) => {
      const at = content.indexOf('"brand-30"');
      content[at + 2] = (content[at + 2] ?? 0) ^ 1;
    });
    while (!state.coolSome());
    assert.match(state.find('Brand', 'brand-31')?.json ?? '', /Title/);
    assert.throws(() => state.find('Brand', 'brand-30'), /damaged at/);
  });
});
