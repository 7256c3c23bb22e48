import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { usedModelName } from '@lithair/crds';
import { explainedQuery } from '../cli/explained-query.ts';
import { serveApi } from '../http/testing/served-api.ts';
import { SingleNode, schemaOf } from '../http/testing/single-node.ts';
import type { Command, JsonObject, Outcome } from '../ports/index.ts';
import { restoreState } from '../state/index.ts';

const MODELS = [
  {
    name: 'Product',
    fields: [
      { name: 'id', type: 'string', primaryKey: true },
      { name: 'sku', type: 'string', collation: 'ci' },
      { name: 'shop', type: 'string' },
      { name: 'slot', type: 'integer' },
      { name: 'parent', type: 'reference', to: 'Product', onDelete: 'cascade' },
    ],
    indexes: [
      { fields: ['sku'], unique: 'forever' },
      { fields: ['shop', 'slot'], unique: 'forever', where: 'has(self.sku)' },
    ],
  },
];

const actor = { subject: 'test', method: 'none', roles: [] } as const;

function run(node: SingleNode, command: Command): Outcome {
  return node.execute({ command, actor, schemaVersion: 1, idempotency: null, timeoutMs: 1000 });
}

const create = (node: SingleNode, body: JsonObject) =>
  run(node, { kind: 'create', model: 'Product', body });
const patch = (node: SingleNode, id: string, body: JsonObject) =>
  run(node, {
    kind: 'patch',
    model: 'Product',
    id,
    format: 'merge',
    patch: JSON.stringify(body),
    ifMatch: null,
  });
const remove = (node: SingleNode, id: string) =>
  run(node, { kind: 'delete', model: 'Product', id, ifMatch: null });

function assertTaken(outcome: Outcome, ...pointers: string[]): void {
  assert.ok(outcome.kind === 'rejected' && outcome.code === 'unique_conflict');
  assert.deepEqual(
    outcome.errors.map(({ pointer }) => pointer),
    pointers,
  );
}

const applied = (outcome: Outcome) => assert.equal(outcome.kind, 'applied');

describe('values that are unique forever', () => {
  it('are taken while a row has them, and once it has been deleted', () => {
    const node = new SingleNode(schemaOf(MODELS));
    applied(create(node, { id: 'a', sku: 'x' }));
    assertTaken(create(node, { id: 'b', sku: 'X' }), '/sku');
    applied(remove(node, 'a'));
    const outcome = create(node, { id: 'b', sku: 'X' });
    assertTaken(outcome, '/sku');
    assert.ok(outcome.kind === 'rejected');
    assert.equal(outcome.message, 'another Product had this sku');
    applied(create(node, { id: 'b', sku: 'y' }));
    assertTaken(patch(node, 'b', { sku: 'x' }), '/sku');
  });

  it('are taken once a row has had others since, for all but that row', () => {
    const node = new SingleNode(schemaOf(MODELS));
    applied(create(node, { id: 'a', sku: 'x' }));
    applied(patch(node, 'a', { sku: 'y' }));
    assertTaken(create(node, { id: 'b', sku: 'x' }), '/sku');
    applied(patch(node, 'a', { sku: 'x' }));
    applied(remove(node, 'a'));
    applied(create(node, { id: 'a', sku: 'y' }));
    assertTaken(create(node, { id: 'b', sku: 'x' }), '/sku');
  });

  it('are of several fields together, and of the rows that count', () => {
    const node = new SingleNode(schemaOf(MODELS));
    applied(create(node, { id: 'a', sku: 'x', shop: 's', slot: 1 }));
    applied(patch(node, 'a', { slot: 2 }));
    assertTaken(create(node, { id: 'b', sku: 'y', shop: 's', slot: 1 }), '/shop', '/slot');
    applied(create(node, { id: 'b', shop: 's', slot: 1 }));
    applied(create(node, { id: 'c', sku: 'z', shop: 't', slot: 1 }));
    applied(create(node, { id: 'd', sku: 'w', shop: 's' }));
  });

  it('are kept of rows that go with another one', () => {
    const node = new SingleNode(schemaOf(MODELS));
    applied(create(node, { id: 'a' }));
    applied(create(node, { id: 'b', sku: 'x', parent: 'a' }));
    applied(remove(node, 'a'));
    assertTaken(create(node, { id: 'c', sku: 'x' }), '/sku');
  });

  it('are kept of rows that expire', () => {
    const [model] = MODELS;
    const fields = [
      ...(model?.fields ?? []),
      { name: 'until', type: 'datetime', index: 'ordered' },
    ];
    const lifecycle = { ttl: { field: 'until', after: '1s' } };
    const node = new SingleNode(schemaOf([{ ...model, fields, lifecycle }]));
    applied(create(node, { id: 'a', sku: 'x', until: '2026-01-01T00:00:00Z' }));
    assert.ok(node.expire());
    assertTaken(create(node, { id: 'b', sku: 'x' }), '/sku');
  });

  it('cost one small row each once given up, which a snapshot brings back, and tell no value', async () => {
    const node = new SingleNode(schemaOf(MODELS));
    applied(create(node, { id: 'a', sku: 'very-secret-value' }));
    applied(patch(node, 'a', { sku: null }));
    const used = usedModelName('Product');
    const restored = await restoreState(node.current.snapshot());
    for (const state of [node.current, restored]) {
      const rows = [...(state.model(used)?.scan({ descending: false }) ?? [])];
      assert.deepEqual(
        rows.map(({ json }) => Object.keys(JSON.parse(json))),
        [['id', 'owner']],
      );
    }
    for (const chunk of node.current.snapshot()) {
      assert.equal(Buffer.from(chunk).includes('very-secret-value'), false);
    }
  });

  it('are nowhere in the API', async () => {
    const api = await serveApi(MODELS);
    try {
      await api.send('POST', '/api/products', { body: { id: 'a', sku: 'x' } });
      const patched = await api.send('PATCH', '/api/products/a', { body: { sku: 'y' } });
      assert.deepEqual([patched.status, patched.json['sku']], [200, 'y']);
      assert.equal((await api.send('GET', '/api/products/_used')).status, 404);
      assert.doesNotMatch((await api.send('GET', '/openapi.json')).text, /UsedValues|_used/);
    } finally {
      await api.close();
    }
    const lines = explainedQuery(schemaOf(MODELS), '/api/products?sku=x');
    assert.equal(lines[1], '  by the index (sku): one value of sku');
  });
});
