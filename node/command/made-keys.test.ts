import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { SingleNode, schemaOf } from '../http/testing/single-node.ts';
import type { Command, JsonObject, Outcome } from '../ports/index.ts';
import { restoreState } from '../state/index.ts';
import { envelope } from '../state/testing/shop.ts';
import { LeaderSession } from './index.ts';

const PART = { required: true, immutable: true };
const MODELS = [
  {
    name: 'Stock',
    fields: [
      { name: 'id', type: 'string', primaryKey: true, template: '{sku}-{lot}-{by}' },
      { name: 'sku', type: 'string', ...PART },
      { name: 'lot', type: 'integer', ...PART },
      { name: 'by', type: 'string', ...PART },
    ],
  },
  {
    name: 'Invoice',
    fields: [
      { name: 'number', type: 'string', primaryKey: true, template: '{shop}:{sequence:3}' },
      { name: 'shop', type: 'string', ...PART },
      { name: 'mark', type: 'string', unique: true },
    ],
  },
];

function run(node: SingleNode, command: Command): Outcome {
  return node.execute(envelope(command));
}

/** The id of the new row, or why there is none. */
function create(node: SingleNode, model: string, body: JsonObject): string {
  const outcome = run(node, { kind: 'create', model, body });
  return outcome.kind === 'applied'
    ? (outcome.aggregates[0]?.id ?? '')
    : `${outcome.code}: ${outcome.message}`;
}

const node = () => new SingleNode(schemaOf(MODELS));

describe('a key that is made of the row', () => {
  it('is that of its values, and taken by one row', () => {
    const shop = node();
    const body = { sku: 'lamp', lot: 7, by: 'ann' };
    assert.equal(create(shop, 'Stock', body), 'lamp-7-ann');
    assert.match(create(shop, 'Stock', body), /^already_exists/);
    const row = shop.current.find('Stock', 'lamp-7-ann');
    assert.equal(row?.json, '{"id":"lamp-7-ann","sku":"lamp","lot":7,"by":"ann"}');
  });

  it('may be sent where it is the right one', () => {
    const shop = node();
    const body = { sku: 'lamp', lot: 7, by: 'ann' };
    assert.match(
      create(shop, 'Stock', { ...body, id: 'x' }),
      /^computed_field: .*must be "lamp-7-ann", or be left out/,
    );
    assert.equal(create(shop, 'Stock', { ...body, id: 'lamp-7-ann' }), 'lamp-7-ann');
    const put = { kind: 'replace', model: 'Stock', onlyIfAbsent: true, ifMatch: null } as const;
    const other = { ...body, lot: 8 };
    const wrong = run(shop, { ...put, id: 'lamp-9-ann', body: other });
    assert.ok(wrong.kind === 'rejected' && wrong.code === 'computed_field');
    assert.equal(run(shop, { ...put, id: 'lamp-8-ann', body: other }).kind, 'applied');
  });

  it('is another one for other values, whatever they hold', () => {
    const text = fc.string({
      unit: fc.constantFrom('a', '-', '%', '2', 'D', '/', 'é'),
      maxLength: 4,
    });
    const values = fc.record({ sku: text, lot: fc.integer({ min: -2, max: 2 }), by: text });
    const shop = node();
    const known = new Map<string, string>();
    fc.assert(
      fc.property(values, (body) => {
        const id = create(shop, 'Stock', body);
        if (id.startsWith('already_exists')) return;
        assert.ok(!id.includes('/'), id);
        const same = known.get(id) ?? JSON.stringify(body);
        assert.equal(same, JSON.stringify(body));
        known.set(id, same);
        assert.equal(create(shop, 'Stock', body).split(':')[0], 'already_exists');
      }),
      { numRuns: 500 },
    );
    assert.ok(known.size > 50);
  });

  it('has a bounded length', () => {
    assert.match(
      create(node(), 'Stock', { sku: 'x'.repeat(300), lot: 1, by: '' }),
      /^rule_broken: .*cannot be a key/,
    );
  });
});

describe('a key that counts', () => {
  it('goes up from 1 for each prefix, also within one request', () => {
    const shop = node();
    assert.equal(create(shop, 'Invoice', { shop: 'a' }), 'a:001');
    assert.equal(create(shop, 'Invoice', { shop: 'b' }), 'b:001');
    const bodies = [{ shop: 'a' }, { shop: 'b' }, { shop: 'a' }];
    const outcome = run(shop, { kind: 'createMany', model: 'Invoice', bodies });
    assert.ok(outcome.kind === 'applied');
    assert.deepEqual(
      outcome.aggregates.map(({ id }) => id),
      ['a:002', 'b:002', 'a:003'],
    );
  });

  it('cannot be chosen, and leaves out numbers of refused writes', () => {
    const shop = node();
    assert.match(create(shop, 'Invoice', { shop: 'a', number: 'a:009' }), /it cannot be chosen/);
    assert.equal(create(shop, 'Invoice', { shop: 'a', mark: 'm' }), 'a:001');
    assert.match(create(shop, 'Invoice', { shop: 'a', mark: 'm' }), /^unique_conflict/);
    assert.equal(create(shop, 'Invoice', { shop: 'a' }), 'a:003');
  });

  it('never comes again: not after a deletion, under another leader, or behind a snapshot', async () => {
    const shop = node();
    for (let n = 0; n < 3; n++) create(shop, 'Invoice', { shop: 'a' });
    run(shop, { kind: 'delete', model: 'Invoice', id: 'a:003', ifMatch: null });
    const restored = await restoreState(shop.current.snapshot());
    const session = new LeaderSession(restored, 2);
    const command = { kind: 'create', model: 'Invoice', body: { shop: 'a' } } as const;
    const ids = [1, 2].map((n) => {
      const done = session.execute(envelope(command), 0, (size) => new Uint8Array(size));
      assert.ok(done.kind === 'propose');
      session.proposed(done.ticket, restored.appliedIndex + n);
      return done.data;
    });
    const made = ids.map((data) => {
      const result = restored.apply(restored.appliedIndex + 1, 1, data);
      assert.ok(result.kind === 'write' && result.outcome.kind === 'applied');
      return result.outcome.aggregates[0]?.id;
    });
    assert.deepEqual(made, ['a:004', 'a:005']);
  });

  it('ends with its digits', () => {
    const shop = node();
    const bodies = Array.from({ length: 999 }, () => ({ shop: 'a' }));
    assert.equal(run(shop, { kind: 'createMany', model: 'Invoice', bodies }).kind, 'applied');
    assert.match(create(shop, 'Invoice', { shop: 'a' }), /^sequence_exhausted/);
    assert.equal(create(shop, 'Invoice', { shop: 'b' }), 'b:001');
  });
});
