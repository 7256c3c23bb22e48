import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import type { Command, IdempotencyKey, JsonObject, Outcome } from '../ports/index.ts';
import type { ReplicatedState } from '../state/index.ts';
import {
  BRAND,
  envelope,
  field,
  NOW_MS,
  PRODUCT,
  productId,
  SHOP,
  shopState,
} from '../state/testing/shop.ts';
import { isUuid } from '../values/index.ts';
import { type Execution, LeaderSession, prepareSchemaChange, type Ticket } from './index.ts';

interface Placed {
  readonly index: number;
  readonly data: Uint8Array;
  readonly ticket: Ticket;
}

/** A leader whose log is a list: what is proposed waits until the test lets it be applied. */
class Leader {
  readonly state: ReplicatedState;
  readonly session: LeaderSession;
  private readonly log: Placed[] = [];
  private lastIndex: number;

  constructor(state: ReplicatedState) {
    this.state = state;
    this.session = new LeaderSession(state, 1);
    this.lastIndex = state.appliedIndex;
  }

  execute(command: Command, key: IdempotencyKey | null = null, nowMs = NOW_MS): Execution {
    return this.session.execute(envelope(command, key), nowMs, (size) =>
      new Uint8Array(size).fill(7),
    );
  }

  /** Executes and gives a proposal its place, without applying it. */
  propose(command: Command, key: IdempotencyKey | null = null): void {
    const execution = this.execute(command, key);
    assert.ok(execution.kind === 'propose', 'it was refused');
    this.place(execution);
  }

  place({ data, ticket }: { readonly data: Uint8Array; readonly ticket: Ticket }): void {
    const index = ++this.lastIndex;
    this.session.proposed(ticket, index);
    this.log.push({ index, data, ticket });
  }

  /** Applies the oldest entry that is not applied. */
  applyNext(): Outcome {
    const next = this.log.shift();
    assert.ok(next);
    const result = this.state.apply(next.index, 1, next.data);
    this.session.applied(next.index);
    return result.kind === 'write' ? result.outcome : assert.fail(result.kind);
  }

  applySchema(): void {
    const next = this.log.shift();
    assert.ok(next);
    assert.equal(this.state.apply(next.index, 1, next.data).kind, 'schema');
    this.session.applied(next.index);
  }

  run(command: Command, key: IdempotencyKey | null = null): Outcome {
    const execution = this.execute(command, key);
    if (execution.kind === 'outcome') return execution.outcome;
    this.place(execution);
    while (this.log.length > 1) this.applyNext();
    return this.applyNext();
  }

  /** What a command is refused with, and what that answer depends on. */
  refused(command: Command) {
    const execution = this.execute(command);
    assert.ok(execution.kind === 'outcome', 'it was proposed');
    assert.ok(execution.outcome.kind === 'rejected');
    return { code: execution.outcome.code, dependsOnIndex: execution.dependsOnIndex };
  }
}

const createBrand = (code: string, more: JsonObject = {}): Command => {
  return { kind: 'create', model: 'Brand', body: { code, ...more } };
};
const createProduct = (body: JsonObject): Command => ({ kind: 'create', model: 'Product', body });
const replaceBrand = (id: string, body: JsonObject, more: Partial<Command> = {}): Command =>
  ({
    kind: 'replace',
    model: 'Brand',
    id,
    body,
    onlyIfAbsent: false,
    ifMatch: null,
    ...more,
  }) as Command;
const replaceProduct = (id: string, body: JsonObject): Command => {
  return { kind: 'replace', model: 'Product', id, body, onlyIfAbsent: false, ifMatch: null };
};
const deleteBrand = (id: string, ifMatch: number[] | null = null): Command => {
  return { kind: 'delete', model: 'Brand', id, ifMatch };
};

const many = (...bodies: JsonObject[]): Command => ({
  kind: 'createMany',
  model: 'Brand',
  bodies,
});

function applied(outcome: Outcome) {
  assert.ok(outcome.kind === 'applied', JSON.stringify(outcome));
  return outcome;
}

function rejected(outcome: Outcome) {
  assert.ok(outcome.kind === 'rejected', JSON.stringify(outcome));
  return [outcome.code, outcome.errors.map(({ pointer }) => pointer)] as const;
}

function jsonOf(outcome: Outcome): JsonObject {
  return JSON.parse(applied(outcome).aggregates[0]?.json ?? 'null') as JsonObject;
}

let leader: Leader;
beforeEach(() => {
  leader = new Leader(shopState());
});

describe('create', () => {
  it('stores every field in the order of the schema, with defaults and the time', () => {
    const outcome = leader.run(
      createProduct({ size: { width: 2.5 }, price: '12.50', name: 'Lamp "x"', sku: 'L-1' }),
    );
    const [aggregate] = applied(outcome).aggregates;
    const id = aggregate?.id ?? '';
    assert.ok(isUuid(id));
    assert.equal(
      aggregate?.json,
      `{"id":"${id}","name":"Lamp \\"x\\"","price":"12.50","sku":"L-1","stock":0,` +
        '"size":{"width":2.5,"unit":"cm"},"note":"none","brand":null,"origin":null,' +
        `"createdAt":"${new Date(NOW_MS).toISOString()}"}`,
    );
    assert.equal(aggregate.version, 1);
    assert.deepEqual(
      Array.from(leader.state.model('Product')?.lookup('sku', 'L-1') ?? [], (row) => row.id),
      [id],
    );
  });

  it('keeps null where null is a value, and takes it for absent where it is not', () => {
    const row = jsonOf(
      leader.run(createProduct({ name: 'a', price: '1', note: null, stock: null })),
    );
    assert.deepEqual([row['note'], row['stock'], row['size']], [null, 0, null]);
  });

  it('takes the id that the client supplies', () => {
    const outcome = leader.run(createProduct({ id: productId(7), name: 'a', price: '1' }));
    assert.equal(applied(outcome).aggregates[0]?.id, productId(7));
    assert.deepEqual(rejected(leader.run(createBrand('_x'))), ['invalid', ['/code']]);
    const without: Command = { kind: 'create', model: 'Brand', body: {} };
    assert.deepEqual(rejected(leader.run(without)), ['invalid', ['/code']]);
  });

  it('is refused where the id or a unique value is taken, or a reference leads nowhere', () => {
    leader.run(createBrand('a', { title: 'A' }));
    assert.deepEqual(rejected(leader.run(createBrand('a'))), ['already_exists', ['/code']]);
    assert.deepEqual(rejected(leader.run(createBrand('b', { title: 'A', parent: 'x' }))), [
      'unique_conflict',
      ['/title', '/parent'],
    ]);
    assert.deepEqual(rejected(leader.run(createBrand('b', { parent: 'x' }))), [
      'missing_reference',
      ['/parent'],
    ]);
  });

  it('goes on with the versions of a deleted id', () => {
    leader.run(createBrand('a'));
    leader.run(deleteBrand('a'));
    assert.equal(applied(leader.run(createBrand('a'))).aggregates[0]?.version, 3);
  });
});

describe('create many', () => {
  it('creates all rows in order', () => {
    const outcome = applied(leader.run(many({ code: 'b', parent: 'a' }, { code: 'a' })));
    assert.equal(outcome.effect, 'created');
    assert.deepEqual(
      outcome.aggregates.map(({ id }) => id),
      ['b', 'a'],
    );
  });

  it('creates none where one cannot be, and points at each', () => {
    leader.run(createBrand('x', { title: 'X' }));
    const batch = many(
      { code: 'a', title: 'T' },
      { code: 'x' },
      { code: 'b', title: 'T' },
      { code: 'a' },
    );
    assert.deepEqual(rejected(leader.run(batch)), [
      'already_exists',
      ['/1/code', '/2/title', '/3/code'],
    ]);
    assert.deepEqual(rejected(leader.run(many({ code: 'a' }, {}))), ['invalid', ['/1/code']]);
    assert.deepEqual(rejected(leader.run(many({ code: 'a', title: 'X' }))), [
      'unique_conflict',
      ['/0/title'],
    ]);
    assert.equal(leader.state.model('Brand')?.size, 1);
    assert.equal(rejected(leader.run(many()))[0], 'invalid');
  });

  it('gives each row a generated id of its own', () => {
    let draw = 0;
    const bodies = [1, 2, 3].map((price) => ({ name: 'a', price: String(price) }));
    const command: Command = { kind: 'createMany', model: 'Product', bodies };
    const execution = leader.session.execute(envelope(command), NOW_MS, (size) =>
      new Uint8Array(size).fill(++draw),
    );
    assert.ok(execution.kind === 'propose');
    leader.place(execution);
    const ids = applied(leader.applyNext()).aggregates.map(({ id }) => id);
    assert.equal(new Set(ids).size, 3);
  });
});

describe('replace', () => {
  const id = productId(1);
  const body = { name: 'Lamp', price: '1.50', origin: 'here', createdAt: '2020-01-01T00:00:00Z' };
  beforeEach(() => {
    leader.run(createProduct({ id, ...body }));
  });

  it('replaces the whole row and keeps immutable fields that are absent', () => {
    const outcome = leader.run(replaceProduct(id, { name: 'Lamp', price: '2' }));
    assert.equal(applied(outcome).effect, 'updated');
    assert.equal(applied(outcome).aggregates[0]?.version, 2);
    const row = jsonOf(outcome);
    assert.deepEqual([row['origin'], row['createdAt']], ['here', '2020-01-01T00:00:00Z']);
    const without = leader.run(replaceProduct(id, { name: 'Lamp', price: '2', note: null }));
    assert.equal(jsonOf(without)['note'], null);
  });

  it('refuses a different immutable value and takes an equal one', () => {
    const other = { ...body, origin: 'there', createdAt: '2020-01-02T00:00:00Z' };
    assert.deepEqual(rejected(leader.run(replaceProduct(id, other))), [
      'immutable_field',
      ['/origin', '/createdAt'],
    ]);
    const same = { ...body, createdAt: '2020-01-01T00:00:00.000Z' };
    assert.equal(applied(leader.run(replaceProduct(id, same))).effect, 'unchanged');
  });

  it('changes nothing and proposes nothing where the row would be the same', () => {
    const execution = leader.execute(replaceProduct(id, body));
    assert.ok(execution.kind === 'outcome' && execution.confirm);
    const outcome = applied(execution.outcome);
    assert.equal(outcome.effect, 'unchanged');
    assert.equal(outcome.aggregates[0]?.version, 1);
    assert.equal(outcome.index, leader.state.appliedIndex);
  });

  it('is refused without the row, unless it may create it', () => {
    assert.equal(rejected(leader.run(replaceBrand('b', {})))[0], 'not_found');
    const create = replaceBrand('b', { title: 'B' }, { onlyIfAbsent: true });
    assert.equal(applied(leader.run(create)).effect, 'created');
    assert.equal(rejected(leader.run(create))[0], 'precondition_failed');
  });

  it('demands the id of the path, and one that a row can have', () => {
    assert.deepEqual(rejected(leader.run(replaceBrand('b', { code: 'c' }))), [
      'invalid',
      ['/code'],
    ]);
    const create = replaceBrand('_b', {}, { onlyIfAbsent: true });
    assert.deepEqual(rejected(leader.run(create)), ['invalid', ['/code']]);
    assert.deepEqual(rejected(leader.run(replaceProduct('b', body))), ['invalid', ['/id']]);
  });

  it('keeps to the versions that the client names', () => {
    leader.run(createBrand('b'));
    const stale = replaceBrand('b', { title: 'B' }, { ifMatch: [2, 3] });
    assert.equal(rejected(leader.run(stale))[0], 'precondition_failed');
    assert.equal(rejected(leader.run(deleteBrand('b', [7])))[0], 'precondition_failed');
    const right = replaceBrand('b', { title: 'B' }, { ifMatch: [3, 1] });
    assert.equal(applied(leader.run(right)).aggregates[0]?.version, 2);
    assert.equal(applied(leader.run(deleteBrand('b', [2]))).effect, 'deleted');
  });

  it('moves unique values and references', () => {
    leader.run(createBrand('a', { title: 'A' }));
    leader.run(createBrand('b', { title: 'B' }));
    assert.deepEqual(rejected(leader.run(replaceBrand('b', { title: 'A' }))), [
      'unique_conflict',
      ['/title'],
    ]);
    leader.run(replaceBrand('a', { title: 'C', parent: 'b' }));
    leader.run(replaceBrand('b', { title: 'A' }));
    assert.equal(rejected(leader.run(deleteBrand('b')))[0], 'still_referenced');
    leader.run(replaceBrand('a', {}));
    assert.equal(applied(leader.run(deleteBrand('b'))).effect, 'deleted');
  });
});

describe('delete', () => {
  it('is refused where there is no row, and where another refers to it', () => {
    assert.equal(rejected(leader.run(deleteBrand('a')))[0], 'not_found');
    leader.run(createBrand('a'));
    leader.run(createProduct({ name: 'x', price: '1', brand: 'a' }));
    assert.equal(rejected(leader.run(deleteBrand('a')))[0], 'still_referenced');
    assert.equal(
      rejected(leader.run({ kind: 'delete', model: 'No', id: 'a', ifMatch: null }))[0],
      'invalid',
    );
  });
});

describe('what is proposed and not applied', () => {
  it('is what the next command is executed on', () => {
    leader.propose(createBrand('a', { title: 'A' }));
    leader.propose(replaceBrand('a', { title: 'B' }, { ifMatch: [1] }));
    leader.propose(createBrand('b', { title: 'A', parent: 'a' }));
    leader.propose(replaceBrand('b', {}));
    leader.propose(deleteBrand('a', [2]));
    leader.propose(createBrand('a', { title: 'A' }));
    assert.equal(leader.session.pendingCount, 6);
    const versions = Array.from({ length: 6 }, () => applied(leader.applyNext()).aggregates[0]);
    assert.deepEqual(
      versions.map((each) => [each?.id, each?.version]),
      [
        ['a', 1],
        ['a', 2],
        ['b', 1],
        ['b', 2],
        ['a', 3],
        ['a', 4],
      ],
    );
    assert.equal(leader.session.pendingCount, 0);
  });

  it('makes a refusal depend on its place in the log', () => {
    assert.deepEqual(leader.refused(deleteBrand('a')), { code: 'not_found', dependsOnIndex: 0 });
    leader.propose(createBrand('a', { title: 'A' }));
    assert.deepEqual(leader.refused(createBrand('a')), {
      code: 'already_exists',
      dependsOnIndex: 1,
    });
    assert.deepEqual(leader.refused(createBrand('b', { title: 'A' })), {
      code: 'unique_conflict',
      dependsOnIndex: 1,
    });
    leader.propose(createBrand('c', { parent: 'a' }));
    assert.deepEqual(leader.refused(deleteBrand('a')), {
      code: 'still_referenced',
      dependsOnIndex: 2,
    });
    leader.propose(deleteBrand('c'));
    leader.propose(deleteBrand('a'));
    assert.deepEqual(leader.refused(createBrand('d', { parent: 'a' })), {
      code: 'missing_reference',
      dependsOnIndex: 4,
    });
    for (let at = 0; at < 4; at++) applied(leader.applyNext());
    assert.deepEqual(leader.refused(deleteBrand('a')), { code: 'not_found', dependsOnIndex: 0 });
  });

  it('makes an unchanged row depend on its place too', () => {
    leader.propose(createBrand('a', { title: 'A' }));
    const execution = leader.execute(replaceBrand('a', { title: 'A' }));
    assert.ok(execution.kind === 'outcome' && execution.outcome.kind === 'applied');
    assert.deepEqual([execution.dependsOnIndex, execution.outcome.index], [1, 1]);
  });

  it('is forgotten when it was dropped, and what was built on it is rejected by apply', () => {
    const first = leader.execute(createBrand('a', { title: 'A' }));
    assert.ok(first.kind === 'propose');
    leader.session.dropped(first.ticket);
    assert.deepEqual(leader.refused(deleteBrand('a')), { code: 'not_found', dependsOnIndex: 0 });
    leader.propose(createBrand('b', { title: 'A' }));
    const update = leader.execute(replaceBrand('b', { title: 'B' }));
    assert.ok(update.kind === 'propose');
    leader.session.dropped(update.ticket);
    assert.deepEqual(leader.refused(createBrand('c', { title: 'A' })), {
      code: 'unique_conflict',
      dependsOnIndex: 1,
    });
    applied(leader.applyNext());
  });

  it('must have its place before the next command is executed', () => {
    const execution = leader.execute(createBrand('a'));
    assert.ok(execution.kind === 'propose');
    assert.throws(() => leader.execute(createBrand('b')), { code: 'unplaced_proposal' });
    leader.place(execution);
    assert.throws(() => leader.session.proposed(execution.ticket, 9), {
      code: 'unplaced_proposal',
    });
  });

  it('is rejected by apply where another leader was first', () => {
    const execution = leader.execute(createBrand('a', { title: 'A' }));
    const other = new Leader(leader.state);
    other.run(createBrand('b', { title: 'A' }));
    assert.ok(execution.kind === 'propose');
    const result = leader.state.apply(2, 2, execution.data);
    assert.ok(result.kind === 'write');
    assert.deepEqual(rejected(result.outcome), ['unique_conflict', ['/title']]);
  });
});

describe('time', () => {
  it('of entries never goes back', () => {
    leader.run(createBrand('a'));
    const early = leader.execute(createProduct({ name: 'x', price: '1' }), null, NOW_MS - 5000);
    assert.ok(early.kind === 'propose');
    leader.place(early);
    assert.equal(jsonOf(leader.applyNext())['createdAt'], new Date(NOW_MS).toISOString());
  });
});

describe('idempotency', () => {
  const key = { scope: 's', fingerprint: 'f' };

  it('gives the same request the same outcome', () => {
    const first = leader.run(createProduct({ name: 'x', price: '1' }), key);
    const again = leader.execute(createProduct({ name: 'x', price: '1' }), key);
    assert.ok(again.kind === 'outcome' && !again.confirm);
    assert.deepEqual(again.outcome, { ...applied(first), replayed: true });
    assert.equal(leader.state.model('Product')?.size, 1);
  });

  it('refuses another request under the key, and one that is under way', () => {
    leader.propose(createBrand('a'), key);
    const code = (fingerprint: string) =>
      rejected(leader.run(createBrand('a'), { ...key, fingerprint }))[0];
    assert.equal(code('f'), 'idempotency_in_progress');
    assert.equal(code('g'), 'idempotency_key_reuse');
    leader.applyNext();
    assert.equal(code('g'), 'idempotency_key_reuse');
    assert.equal(applied(leader.run(createBrand('a'), key)).replayed, true);
  });

  it('lets a refused or dropped request be tried again', () => {
    assert.equal(rejected(leader.run(deleteBrand('a'), key))[0], 'not_found');
    const dropped = leader.execute(createBrand('a'), key);
    assert.ok(dropped.kind === 'propose');
    leader.session.dropped(dropped.ticket);
    assert.equal(applied(leader.run(createBrand('a'), key)).replayed, false);
  });

  it('remembers that nothing changed, so that a late retry does not undo later writes', () => {
    leader.run(createBrand('a', { title: 'A' }));
    const same = replaceBrand('a', { title: 'A' });
    const first = applied(leader.run(same, key));
    assert.deepEqual([first.effect, first.aggregates[0]?.version], ['unchanged', 1]);
    leader.run(replaceBrand('a', { title: 'B' }));
    const again = applied(leader.run(same, key));
    assert.deepEqual([again.effect, again.replayed], ['unchanged', true]);
    assert.equal(leader.state.find('Brand', 'a')?.version, 2);
  });
});

describe('a model change', () => {
  const next = {
    ...SHOP,
    models: [{ ...BRAND, fields: [...BRAND.fields, field('home', 'string')] }, PRODUCT],
  };
  const broken = { ...SHOP, models: [PRODUCT] };

  it('is proposed where it adds, and commands wait until it is applied', () => {
    leader.propose(createBrand('a'));
    const execution = leader.session.proposeSchema(next, NOW_MS);
    assert.ok(execution.kind === 'propose' && execution.changes.length > 0);
    leader.place(execution);
    assert.equal(leader.refused(createBrand('b')).code, 'schema_changed');
    assert.equal(leader.session.proposeSchema(next, NOW_MS).kind, 'in_progress');
    applied(leader.applyNext());
    leader.applySchema();
    assert.equal(leader.refused(createBrand('b')).code, 'schema_changed');
    const command = createBrand('b', { home: 'x' });
    const execution2 = leader.session.execute(
      envelope(command, null, 2),
      NOW_MS,
      () => new Uint8Array(10),
    );
    assert.ok(execution2.kind === 'propose');
    leader.place(execution2);
    assert.equal(jsonOf(leader.applyNext())['home'], 'x');
    assert.equal(leader.session.proposeSchema(next, NOW_MS).kind, 'same');
  });

  it('that was not taken leaves the writes before it pending', () => {
    leader.run(createBrand('a'));
    leader.propose(replaceBrand('a', { title: 'first' }));
    const execution = leader.session.proposeSchema(next, NOW_MS);
    assert.ok(execution.kind === 'propose');
    leader.session.dropped(execution.ticket);
    leader.propose(replaceBrand('a', { title: 'second' }));
    applied(leader.applyNext());
    assert.equal(jsonOf(leader.applyNext())['title'], 'second');
  });

  it('is refused with reasons where it breaks', () => {
    const plan = prepareSchemaChange(leader.state, broken);
    assert.ok(plan.kind === 'breaking' && plan.reasons.length > 0);
    assert.equal(leader.session.proposeSchema(broken, NOW_MS).kind, 'breaking');
    assert.equal(prepareSchemaChange(leader.state, SHOP).kind, 'same');
    assert.equal(prepareSchemaChange(leader.state, next).kind, 'additive');
    assert.equal(leader.session.pendingCount, 0);
  });
});
