import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { canonicalJson, type Schema } from '@lithair/crds';
import { type Change, EntryError, encodeEntry, type PutChange } from '../entry/index.ts';
import type { Outcome } from '../ports/index.ts';
import { indexKey, keyOfId, NULL_KEY } from '../values/index.ts';
import {
  type ApplyResult,
  type ReplicatedState,
  restoreState,
  type StateEvent,
  stateHash,
} from './index.ts';
import {
  BRAND,
  chunksOf,
  field,
  idsOf,
  NOW_MS,
  PRODUCT,
  SHOP,
  shopState,
  write,
} from './testing/shop.ts';

/** A brand; keys are those of title and parent. */
function brand(
  id: string,
  title: string | null = null,
  parent: string | null = null,
  expectedVersion = 0,
  effect: PutChange['effect'] = 'created',
): Change {
  const json = JSON.stringify({ code: id, title, parent });
  const keys = [title ?? NULL_KEY, parent === null ? NULL_KEY : keyOfId(parent)];
  return { effect, model: 'Brand', id, expectedVersion, json, keys };
}

function updated(id: string, version: number, title: string | null, parent: string | null = null) {
  return brand(id, title, parent, version, 'updated');
}

function brandJson(id: string, title: string | null): string {
  return JSON.stringify({ code: id, title, parent: null });
}

function deleted(id: string, expectedVersion: number, model = 'Brand'): Change {
  return { effect: 'deleted', model, id, expectedVersion };
}

const PRICE = field('price', 'decimal');

/** A product; keys are those of name, price, sku and brand. */
function product(id: string, price: string, brandId: string | null = null): Change {
  const keys = ['thing', indexKey(PRICE, price), NULL_KEY, brandId ?? NULL_KEY];
  return {
    effect: 'created',
    model: 'Product',
    id,
    expectedVersion: 0,
    json: JSON.stringify({ id, price }),
    keys,
  };
}

function outcomeOf(result: ApplyResult): Outcome {
  assert.equal(result.kind, 'write');
  return result.kind === 'write' ? result.outcome : assert.fail();
}

function apply(state: ReplicatedState, ...changes: Change[]): Outcome {
  return outcomeOf(state.apply(state.appliedIndex + 1, 1, write(changes)));
}

function rejects(state: ReplicatedState, changes: Change[], code: string, pointers: string[]) {
  const hash = () => {
    const parts = [...state.snapshot()].slice(1).map((chunk) => Buffer.from(chunk).toString('hex'));
    return [parts, state.eventSequence];
  };
  const before = hash();
  const outcome = apply(state, ...changes);
  assert.ok(outcome.kind === 'rejected', JSON.stringify(outcome));
  assert.equal(outcome.code, code);
  assert.deepEqual(
    outcome.errors.map(({ pointer }) => pointer),
    pointers,
  );
  assert.deepEqual(hash(), before, 'a rejected entry changes no row');
}

function applies(state: ReplicatedState, ...changes: Change[]) {
  const outcome = apply(state, ...changes);
  assert.ok(outcome.kind === 'applied', JSON.stringify(outcome));
  return outcome;
}

const key = (scope: string, fingerprint = 'f') => ({ idempotency: { scope, fingerprint } });

const send = (state: ReplicatedState, data: Uint8Array) =>
  outcomeOf(state.apply(state.appliedIndex + 1, 1, data));

const shelf = () => {
  const state = shopState();
  for (const [id, price] of Object.entries({ e: '9', d: '10.0', c: '10', b: '-1', a: '100' })) {
    applies(state, product(id, price));
  }
  const model = state.model('Product');
  assert.ok(model);
  return model;
};

const priceKey = (price: string) => indexKey(PRICE, price);

const member = (id: number) =>
  ({
    id,
    name: `n${id}`,
    address: `n${id}:10080`,
    diskUuid: `d${id}`,
    intent: 'learner',
  }) as const;

const change = (state: ReplicatedState, data: Uint8Array) => {
  const result = state.applyMember(state.appliedIndex + 1, 1, data);
  return result.kind === 'member' ? result.outcome.kind : result.kind;
};

const next = {
  ...SHOP,
  models: [
    {
      ...BRAND,
      fields: [
        ...BRAND.fields.slice(0, 2),
        field('home', 'string', { default: 'x', index: 'ordered' }),
        ...BRAND.fields.slice(2),
      ],
    },
    PRODUCT,
    { ...BRAND, name: 'Maker', path: '/api/makers', fields: BRAND.fields.slice(0, 2) },
  ],
};

const schemaEntry = (expectedSchemaVersion: number, schema = next) =>
  encodeEntry({
    kind: 'schema',
    memberId: 1,
    timestampMs: NOW_MS,
    expectedSchemaVersion,
    schemaJson: canonicalJson(schema),
  });

const filled = () => {
  const state = shopState();
  const idempotency = { scope: 's1', fingerprint: 'f1' };
  state.apply(1, 1, write([brand('b', 'Bé'), brand('a', null, 'b')], { idempotency }));
  applies(state, product('p', '12.50', 'a'), product('q', '1'));
  state.apply(
    3,
    1,
    write([deleted('q', 1, 'Product')], { idempotency: { ...idempotency, scope: 's2' } }),
  );
  const member = {
    id: 2,
    name: 'n2',
    address: 'x:1',
    diskUuid: 'd2',
    intent: 'learner',
  } as const;
  state.applyMember(4, 1, encodeEntry({ kind: 'member', member }));
  state.applyMember(5, 1, encodeEntry({ kind: 'memberRemoval', memberId: 2 }));
  return state;
};

const indexed = (of: ReplicatedState) => idsOf(of.model('Brand')?.lookup('parent', 'b') ?? []);

const refused = (given: readonly Uint8Array[]) =>
  assert.rejects(restoreState(given), { code: 'bad_snapshot' });

describe('the replicated state', () => {
  it('makes a write visible with its version and its outcome', () => {
    const state = shopState();
    const outcome = applies(state, brand('acme', 'Acme'));
    const json = '{"code":"acme","title":"Acme","parent":null}';
    assert.deepEqual(outcome, {
      kind: 'applied',
      index: 1,
      effect: 'created',
      aggregates: [{ id: 'acme', version: 1, json }],
      replayed: false,
    });
    assert.equal(state.model('Brand')?.get('acme')?.json, json);
    assert.equal(applies(state, updated('acme', 1, 'ACME')).aggregates[0]?.version, 2);
    assert.equal(state.appliedIndex, 2);
  });

  it('moves on without effect on the empty entry of a new term', () => {
    const state = shopState();
    assert.deepEqual(state.apply(1, 1, new Uint8Array()), { kind: 'none' });
    assert.equal(state.appliedIndex, 1);
  });

  it('refuses an entry twice, or one that skips', () => {
    const state = shopState();
    applies(state, brand('a'));
    for (const index of [0, 1, 3]) {
      assert.throws(() => state.apply(index, 1, new Uint8Array()), { code: 'out_of_order' });
    }
  });

  it('stops at bytes that are no entry', () => {
    assert.throws(() => shopState().apply(1, 1, Buffer.from([1, 0, 9])), EntryError);
  });

  it('lets versions go on after a delete', () => {
    const state = shopState();
    applies(state, brand('a'));
    assert.deepEqual(applies(state, deleted('a', 1)).aggregates, [
      { id: 'a', version: 2, json: null },
    ]);
    assert.equal(state.model('Brand')?.get('a'), undefined);
    rejects(state, [brand('a')], 'version_conflict', ['']);
    assert.equal(applies(state, brand('a', null, null, 2)).aggregates[0]?.version, 3);
    assert.equal(state.model('Brand')?.deletedVersion('a'), 0);
  });

  it('rejects what another write overtook', () => {
    const state = shopState();
    applies(state, brand('a', 'A'));
    rejects(state, [brand('a')], 'already_exists', ['/code']);
    rejects(state, [updated('a', 2, 'B')], 'version_conflict', ['']);
    rejects(state, [updated('b', 1, 'B')], 'not_found', ['']);
    rejects(state, [deleted('b', 1)], 'not_found', ['']);
    rejects(state, [{ ...brand('c'), model: 'Nothing' }], 'invalid', ['']);
    rejects(state, [{ ...brand('c'), keys: [] } as PutChange], 'invalid', ['']);
  });

  it('keeps unique values unique, null apart', () => {
    const state = shopState();
    applies(state, brand('a', 'One'), brand('b'), brand('c'));
    rejects(state, [brand('d', 'One')], 'unique_conflict', ['/title']);
    rejects(state, [brand('d', 'Two'), brand('e', 'Two')], 'unique_conflict', ['/1/title']);
    applies(state, updated('a', 1, 'Two'));
    applies(state, brand('d', 'One'));
    applies(state, deleted('d', 1));
    applies(state, updated('b', 1, 'One'));
  });

  it('lets rows of one entry swap their unique values', () => {
    const state = shopState();
    applies(state, brand('a', 'One'), brand('b', 'Two'));
    applies(state, updated('a', 1, 'Two'), updated('b', 1, 'One'));
    assert.deepEqual(idsOf(state.model('Brand')?.lookup('title', 'One') ?? []), ['b']);
    assert.deepEqual(idsOf(state.model('Brand')?.lookup('title', 'Two') ?? []), ['a']);
    applies(state, deleted('a', 2), brand('c', 'Two'));
    rejects(state, [updated('b', 2, 'Two'), brand('d', 'One')], 'unique_conflict', ['/0/title']);
  });

  it('does everything of an entry or nothing', () => {
    const state = shopState();
    applies(state, brand('a', 'One'));
    rejects(state, [brand('b', 'Two'), brand('c', 'One')], 'unique_conflict', ['/1/title']);
    rejects(state, [brand('b'), brand('b')], 'already_exists', ['/1/code']);
    assert.equal(state.model('Brand')?.size, 1);
  });

  it('refers only to rows that exist, those of the same entry included', () => {
    const state = shopState();
    rejects(state, [brand('a', null, 'x')], 'missing_reference', ['/parent']);
    applies(state, brand('a', null, 'b'), brand('b'), brand('c', null, 'c'));
    rejects(state, [product('p', '1', 'x')], 'missing_reference', ['/brand']);
    applies(state, product('p', '1', 'a'));
    rejects(state, [deleted('a', 1), product('q', '1', 'a')], 'still_referenced', [
      '/0',
      '/1/brand',
    ]);
  });

  it('restricts the deletion of rows that are referred to', () => {
    const state = shopState();
    applies(state, brand('a'), brand('b', null, 'a'), brand('self', null, 'self'));
    rejects(state, [deleted('a', 1)], 'still_referenced', ['']);
    applies(state, deleted('self', 1));
    applies(state, deleted('a', 1), deleted('b', 1));
    assert.equal(state.model('Brand')?.size, 0);
  });

  it('clamps log time, which never goes back', () => {
    const events: StateEvent[] = [];
    const state = shopState({ onEvent: (event) => events.push(event) });
    state.apply(1, 1, write([brand('a')], { timestampMs: NOW_MS + 50 }));
    state.apply(2, 1, write([brand('b')], { timestampMs: NOW_MS - 1000 }));
    assert.equal(state.logTimeMs, NOW_MS + 50);
    assert.deepEqual(
      events.map(({ sequence, index, subIndex, type, timestampMs }) => [
        sequence,
        index,
        subIndex,
        type,
        timestampMs,
      ]),
      [
        [1, 1, 0, 'BrandCreated', NOW_MS + 50],
        [2, 2, 0, 'BrandCreated', NOW_MS + 50],
      ],
    );
  });

  it('tells accepted events alone', () => {
    const events: StateEvent[] = [];
    const state = shopState({ onEvent: (event) => events.push(event) });
    applies(state, brand('a'), brand('b'));
    rejects(state, [brand('a')], 'already_exists', ['/code']);
    applies(state, { effect: 'unchanged', model: 'Brand', id: 'a', expectedVersion: 1 });
    applies(state, updated('a', 1, 'A'), deleted('b', 1));
    assert.deepEqual(
      events.map(({ type, version, subIndex, json, before }) => {
        return [type, version, subIndex, json, before];
      }),
      [
        ['BrandCreated', 1, 0, brandJson('a', null), null],
        ['BrandCreated', 1, 1, brandJson('b', null), null],
        ['BrandUpdated', 2, 0, brandJson('a', 'A'), { version: 1, json: brandJson('a', null) }],
        ['BrandDeleted', 2, 1, null, { version: 1, json: brandJson('b', null) }],
      ],
    );
    assert.equal(state.eventSequence, 4);
  });
});

function scopesOf(state: ReplicatedState): string[] {
  return Array.from(state.outcomes(), ({ scope }) => scope);
}

/** The shop, with another window for repeated requests. */
function keeping(window: string, maxOutcomes: number): Schema {
  return { ...SHOP, store: { ...SHOP.store, idempotency: { window, maxOutcomes } } };
}

describe('kept outcomes', () => {
  it('answer the same request again, and refuse another under its key', () => {
    const state = shopState();
    const first = send(state, write([brand('a')], key('s')));
    const again = send(state, write([brand('z')], key('s')));
    assert.deepEqual(again, { ...first, replayed: true });
    const other = send(state, write([brand('z')], key('s', 'g')));
    assert.ok(other.kind === 'rejected' && other.code === 'idempotency_key_reuse');
    assert.equal(state.model('Brand')?.size, 1);
  });

  it('are those of applied entries only', () => {
    const state = shopState();
    send(state, write([updated('a', 1, 'x')], key('s')));
    assert.equal(state.outcomeOf('s'), undefined);
    assert.equal(send(state, write([brand('a')], key('s'))).kind, 'applied');
  });

  it('go when the model says, by log time and by count', () => {
    const state = shopState({}, keeping('1s', 2));
    const at = (ms: number, scope: string) => {
      send(state, write([brand(scope)], { ...key(scope), timestampMs: NOW_MS + ms }));
    };
    at(0, 'a');
    at(1, 'b');
    at(2, 'c');
    assert.deepEqual(scopesOf(state), ['b', 'c']);
    at(1002, 'd');
    assert.deepEqual(scopesOf(state), ['c', 'd']);
    at(5000, 'e');
    assert.deepEqual(scopesOf(state), ['e']);
    assert.equal(state.outcomeOf('c'), undefined);
  });
});

describe('a narrower window for repeated requests', () => {
  it('lets the oldest outcomes go, alike on every member and after a restore', async () => {
    const state = shopState();
    for (const scope of ['a', 'b', 'c']) send(state, write([brand(scope)], key(scope)));
    state.apply(state.appliedIndex + 1, 1, schemaEntry(1, keeping('1h', 2)));
    assert.deepEqual(scopesOf(state), ['b', 'c']);
    const restored = await restoreState(state.snapshot());
    for (const each of [state, restored]) {
      const later = { ...key('d'), timestampMs: NOW_MS + 3_600_001, schemaVersion: 2 };
      send(each, write([brand('d')], later));
      assert.deepEqual(scopesOf(each), ['d']);
    }
    assert.equal(stateHash(restored), stateHash(state));
  });
});

describe('reading', () => {
  it('scans by id, both ways and from a place', () => {
    const model = shelf();
    assert.deepEqual(idsOf(model.scan({ descending: false })), ['a', 'b', 'c', 'd', 'e']);
    assert.deepEqual(idsOf(model.scan({ descending: true, afterId: 'c' })), ['b', 'a']);
    assert.deepEqual(idsOf(model.scan({ descending: false, afterId: 'bb' })), ['c', 'd', 'e']);
  });

  it('scans an ordered field by value, then id', () => {
    const model = shelf();
    assert.deepEqual(idsOf(model.range('price', { descending: false })), ['b', 'e', 'c', 'd', 'a']);
    const from = { key: priceKey('9'), inclusive: false };
    const to = { key: priceKey('10'), inclusive: true };
    assert.deepEqual(idsOf(model.range('price', { from, to, descending: false })), ['c', 'd']);
    assert.deepEqual(idsOf(model.range('price', { from, to, descending: true })), ['d', 'c']);
    const after = { key: priceKey('10'), id: 'c' };
    assert.deepEqual(idsOf(model.range('price', { from, after, descending: false })), ['d', 'a']);
    assert.deepEqual(idsOf(model.range('price', { to, after, descending: true })), ['e', 'b']);
    const beyond = { key: priceKey('1000'), id: 'x' };
    assert.deepEqual(idsOf(model.range('price', { to, after: beyond, descending: false })), []);
    assert.throws(() => model.range('name', { descending: false }), RangeError);
  });

  it('looks up equal values of any indexed field, in order of ids', () => {
    const model = shelf();
    assert.deepEqual(model.indexedFields, ['name', 'price', 'sku', 'brand']);
    assert.deepEqual(idsOf(model.lookup('name', 'thing')), ['a', 'b', 'c', 'd', 'e']);
    assert.deepEqual(idsOf(model.lookup('price', priceKey('10.00'))), ['c', 'd']);
    assert.deepEqual(idsOf(model.lookup('sku', NULL_KEY)), ['a', 'b', 'c', 'd', 'e']);
    const later = { afterId: 'c', descending: true };
    assert.deepEqual(idsOf(model.lookup('name', 'thing', later)), ['b', 'a']);
    assert.deepEqual(idsOf(model.lookup('id', 'c')), ['c']);
    assert.deepEqual(idsOf(model.lookup('name', 'nothing')), []);
    assert.throws(() => model.lookup('stock', '1'), RangeError);
  });

  it('takes the primary key as an ordered field', () => {
    const model = shelf();
    const from = { key: 'b', inclusive: false };
    const to = { key: 'd', inclusive: true };
    assert.deepEqual(idsOf(model.range('id', { from, to, descending: true })), ['d', 'c']);
  });
});

describe('members', () => {
  it('are added in turn, replaced, removed, and their ids are not used again', () => {
    const state = shopState();
    const put = (id: number) => change(state, encodeEntry({ kind: 'member', member: member(id) }));
    const remove = (memberId: number) =>
      change(state, encodeEntry({ kind: 'memberRemoval', memberId }));
    assert.equal(state.nextMemberId, 2);
    assert.equal(put(3), 'rejected');
    assert.equal(put(2), 'applied');
    assert.equal(put(2), 'applied');
    assert.equal(remove(2), 'applied');
    assert.equal(remove(2), 'rejected');
    assert.equal(put(2), 'rejected');
    assert.equal(state.nextMemberId, 3);
    assert.deepEqual(
      state.members().map(({ id }) => id),
      [1],
    );
    assert.deepEqual(state.removedMemberIds(), [2]);
    assert.equal(change(state, new Uint8Array()), 'none');
  });
});

describe('a model change', () => {
  it('completes the rows that exist, builds new indexes and keeps versions', () => {
    const state = shopState();
    applies(state, brand('a', 'One'), brand('b', 'Two', 'a'), brand('c'));
    applies(state, updated('a', 1, 'Uno'), deleted('c', 1));
    const products = state.model('Product');
    const result = state.apply(3, 1, schemaEntry(1));
    assert.ok(result.kind === 'schema' && result.outcome.kind === 'applied');
    assert.equal(state.schemaVersion, 2);
    assert.equal(result.outcome.fingerprint, state.schemaFingerprint);
    const brands = state.model('Brand');
    assert.equal(brands?.get('a')?.json, '{"code":"a","title":"Uno","home":"x","parent":null}');
    assert.equal(brands?.get('a')?.version, 2);
    assert.equal(brands?.deletedVersion('c'), 2);
    assert.deepEqual(idsOf(brands?.range('home', { descending: true }) ?? []), ['b', 'a']);
    assert.deepEqual(idsOf(brands?.lookup('parent', 'a') ?? []), ['b']);
    assert.equal(state.model('Product'), products);
    assert.equal(state.model('Maker')?.size, 0);
  });

  it('comes once, and writes made under the schema before it are rejected', () => {
    const state = shopState();
    state.apply(1, 1, schemaEntry(1));
    const again = state.apply(2, 1, schemaEntry(1));
    assert.ok(again.kind === 'schema' && again.outcome.kind === 'rejected');
    assert.equal(again.outcome.code, 'version_conflict');
    const outcome = apply(state, brand('a'));
    assert.ok(outcome.kind === 'rejected' && outcome.code === 'schema_changed');
  });

  it('cannot drop a model', () => {
    const state = shopState();
    const result = state.apply(1, 1, schemaEntry(1, { ...SHOP, models: [PRODUCT] }));
    assert.ok(result.kind === 'schema' && result.outcome.kind === 'rejected');
    assert.equal(result.outcome.code, 'invalid');
    assert.equal(state.schemaVersion, 1);
  });
});

describe('a snapshot', () => {
  it('restores a state that is equal and goes on equally', async () => {
    const state = filled();
    const restored = await restoreState(state.snapshot());
    assert.equal(stateHash(restored), stateHash(state));
    assert.deepEqual(indexed(restored), indexed(state));
    for (const each of [state, restored]) {
      rejects(each, [brand('c', 'Bé')], 'unique_conflict', ['/title']);
      rejects(each, [deleted('b', 1)], 'still_referenced', ['']);
      assert.equal(
        applies(each, { ...product('q', '2'), expectedVersion: 2 }).aggregates[0]?.version,
        3,
      );
      const idempotency = { scope: 's1', fingerprint: 'f1' };
      const again = outcomeOf(each.apply(each.appliedIndex + 1, 2, write([], { idempotency })));
      assert.ok(again.kind === 'applied' && again.replayed && again.aggregates.length === 2);
    }
    assert.equal(stateHash(restored), stateHash(state));
    assert.equal(restored.nextMemberId, 3);
  });

  it('is of the moment it was taken, whatever is applied while it is written', async () => {
    const state = filled();
    const hash = stateHash(state);
    const snapshot = state.snapshot();
    const chunks = snapshot[Symbol.iterator]();
    const first = chunks.next();
    assert.ok(!first.done);
    applies(state, updated('b', 1, 'New'), brand('z'));
    applies(state, deleted('p', 1, 'Product'));
    const rest = Array.from({ [Symbol.iterator]: () => chunks }, (chunk) => chunk.slice());
    assert.equal(stateHash(await restoreState([first.value, ...rest])), hash);
  });

  it('comes in bounded chunks', async () => {
    const state = shopState();
    for (let at = 0; at < 5; at++) {
      applies(state, ...Array.from({ length: 1000 }, (_, i) => brand(`${at}-${i}`, null, null)));
    }
    const chunks = chunksOf(state);
    assert.ok(chunks.length > 2);
    assert.ok(chunks.every((chunk) => chunk.length <= 1024 * 1024));
    assert.equal(stateHash(await restoreState(chunks)), stateHash(state));
  });

  it('is refused when a part is missing, out of place, twice or malformed', async () => {
    const chunks = chunksOf(filled());
    await refused([]);
    for (const [at, chunk] of chunks.entries()) {
      await refused(chunks.toSpliced(at, 1));
      await refused(chunks.toSpliced(at, 1, chunk.subarray(0, chunk.length - 1)));
    }
    await refused([...chunks.slice(0, 1), ...chunks]);
    await refused(chunks.toReversed());
    const newer = Buffer.from(chunks[0] ?? []);
    newer[0] = 99;
    await refused([newer, ...chunks.slice(1)]);
  });
});
