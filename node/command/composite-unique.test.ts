import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SingleNode, schemaOf } from '../http/testing/single-node.ts';
import type { Command, JsonObject, Outcome } from '../ports/index.ts';

const MODELS = [
  {
    name: 'Stock',
    fields: [
      { name: 'id', type: 'string', primaryKey: true },
      { name: 'warehouse', type: 'string' },
      { name: 'sku', type: 'string' },
    ],
    indexes: [{ fields: ['warehouse', 'sku'], unique: 'live' }],
  },
];

function run(node: SingleNode, command: Command): Outcome {
  const actor = { subject: 'test', method: 'none', roles: [] } as const;
  return node.execute({ command, actor, schemaVersion: 1, idempotency: null, timeoutMs: 1000 });
}

function create(node: SingleNode, ...bodies: JsonObject[]): Outcome {
  const [body, ...others] = bodies;
  if (body === undefined || others.length > 0) {
    return run(node, { kind: 'createMany', model: 'Stock', bodies });
  }
  return run(node, { kind: 'create', model: 'Stock', body });
}

const node = () => new SingleNode(schemaOf(MODELS));

describe('values that are unique together', () => {
  it('are taken as long as the row that has them is there', () => {
    const shop = node();
    assert.equal(create(shop, { id: 'a', warehouse: 'w', sku: 's' }).kind, 'applied');
    const second = create(shop, { id: 'b', warehouse: 'w', sku: 's' });
    assert.ok(second.kind === 'rejected' && second.code === 'unique_conflict');
    assert.equal(second.message, 'another Stock has this warehouse and this sku');
    assert.deepEqual(
      second.errors.map(({ pointer }) => pointer),
      ['/warehouse', '/sku'],
    );
    run(shop, { kind: 'delete', model: 'Stock', id: 'a', ifMatch: null });
    assert.equal(create(shop, { id: 'b', warehouse: 'w', sku: 's' }).kind, 'applied');
  });

  it('may be shared in part, and by rows that lack one', () => {
    const rows = [
      { id: 'a', warehouse: 'w', sku: 's' },
      { id: 'b', warehouse: 'w', sku: 't' },
      { id: 'c', warehouse: 'v', sku: 's' },
      { id: 'd', warehouse: 'w' },
      { id: 'e', warehouse: 'w' },
      { id: 'f' },
      { id: 'g' },
      { id: 'h', warehouse: 'ws', sku: '' },
    ];
    assert.equal(create(node(), ...rows).kind, 'applied');
  });

  it('are the same where texts are by their collation, and keep their letters', () => {
    const fields = [
      { name: 'id', type: 'string', primaryKey: true },
      { name: 'mail', type: 'string', unique: true, collation: 'ci', immutable: true },
    ];
    const shop = new SingleNode(schemaOf([{ name: 'Stock', fields }]));
    assert.equal(create(shop, { id: 'a', mail: 'Ann@x.org' }).kind, 'applied');
    const taken = create(shop, { id: 'b', mail: 'ann@X.org' });
    assert.ok(taken.kind === 'rejected' && taken.code === 'unique_conflict');
    assert.match(shop.current.find('Stock', 'a')?.json ?? '', /"Ann@x.org"/);
    const change = { kind: 'replace', model: 'Stock', onlyIfAbsent: false, ifMatch: null } as const;
    const other = run(shop, { ...change, id: 'a', body: { mail: 'ann@x.org' } });
    assert.ok(other.kind === 'rejected' && other.code === 'immutable_field');
  });

  it('clash within one request, too', () => {
    const shop = node();
    const twice = create(
      shop,
      { id: 'a', warehouse: 'w', sku: 's' },
      { id: 'b', warehouse: 'w', sku: 's' },
    );
    assert.ok(twice.kind === 'rejected');
    assert.deepEqual(
      twice.errors.map(({ pointer }) => pointer),
      ['/1/warehouse', '/1/sku'],
    );
  });

  it('are kept by a change of another field, and taken by a change of one', () => {
    const shop = node();
    create(shop, { id: 'a', warehouse: 'w', sku: 's' }, { id: 'b', warehouse: 'w', sku: 't' });
    const change = { kind: 'replace', model: 'Stock', onlyIfAbsent: false, ifMatch: null } as const;
    const body = { id: 'b', warehouse: 'w', sku: 's' };
    const clash = run(shop, { ...change, id: 'b', body });
    assert.ok(clash.kind === 'rejected' && clash.code === 'unique_conflict');
    const same = run(shop, { ...change, id: 'a', body: { ...body, id: 'a' } });
    assert.ok(same.kind === 'applied' && same.effect === 'unchanged');
  });
});
