import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SingleNode, schemaOf } from '../http/testing/single-node.ts';
import type { Command, JsonObject, Outcome } from '../ports/index.ts';

const key = { name: 'id', type: 'string', primaryKey: true };
const reference = (name: string, to: string, onDelete: string) => ({
  name,
  type: 'reference',
  to,
  onDelete,
});

const MODELS = [
  { name: 'Customer', fields: [key, reference('friend', 'Customer', 'cascade')] },
  {
    name: 'Order',
    fields: [
      key,
      reference('customer', 'Customer', 'cascade'),
      reference('seller', 'Customer', 'setNull'),
      reference('packer', 'Customer', 'setNull'),
    ],
    events: [{ type: 'OrderLost', when: 'update', fields: ['seller'] }],
  },
  {
    name: 'Letter',
    fields: [key, reference('from', 'Customer', 'setNull'), { name: 'text', type: 'text' }],
  },
  { name: 'Line', fields: [key, reference('order', 'Order', 'cascade')] },
  {
    name: 'Invoice',
    fields: [key, reference('order', 'Order', 'restrict'), reference('line', 'Line', 'cascade')],
  },
];

class Shop {
  readonly told: string[] = [];
  readonly node = new SingleNode(schemaOf(MODELS), {
    onEvent: ({ type }) => void this.told.push(type),
  });

  create(model: string, ...bodies: JsonObject[]): void {
    const outcome = this.#run({ kind: 'createMany', model, bodies });
    assert.equal(outcome.kind, 'applied', JSON.stringify(outcome));
  }

  delete(model: string, id: string): Outcome {
    return this.#run({ kind: 'delete', model, id, ifMatch: null });
  }

  /** Ids of all rows of a model. */
  ids(model: string): string[] {
    const rows = this.node.current.model(model)?.scan({ descending: false }) ?? [];
    return Array.from(rows, ({ id }) => id);
  }

  row(model: string, id: string) {
    const record = this.node.current.find(model, id) ?? assert.fail(`no ${model} ${id}`);
    return { ...JSON.parse(record.json), version: record.version };
  }

  #run(command: Command): Outcome {
    const actor = { subject: 'test', method: 'none', roles: [] } as const;
    return this.node.execute({
      command,
      actor,
      schemaVersion: 1,
      idempotency: null,
      timeoutMs: 1000,
    });
  }
}

describe('the deletion of a row that others refer to', () => {
  it('takes those that cascade with it, and those that refer to them', () => {
    const shop = new Shop();
    shop.create('Customer', { id: 'a' }, { id: 'b' });
    shop.create(
      'Order',
      { id: 'a1', customer: 'a' },
      { id: 'a2', customer: 'a' },
      { id: 'b1', customer: 'b' },
    );
    shop.create('Line', { id: 'x', order: 'a1' }, { id: 'y', order: 'b1' });
    const events = shop.node.current.eventSequence;
    const outcome = shop.delete('Customer', 'a');
    assert.ok(outcome.kind === 'applied' && outcome.effect === 'deleted');
    assert.deepEqual(outcome.aggregates, [{ id: 'a', version: 2, json: null }]);
    assert.deepEqual(
      ['Customer', 'Order', 'Line'].map((model) => shop.ids(model)),
      [['b'], ['b1'], ['y']],
    );
    assert.equal(shop.node.current.eventSequence, events + 4);
  });

  it('leaves those that set null, each changed once, whatever refers to it', () => {
    const shop = new Shop();
    shop.create('Customer', { id: 'a' }, { id: 'b' });
    shop.create('Order', { id: 'o', customer: 'b', seller: 'a', packer: 'a' });
    assert.equal(shop.delete('Customer', 'a').kind, 'applied');
    const wanted = { id: 'o', customer: 'b', seller: null, packer: null, version: 2 };
    assert.deepEqual(shop.row('Order', 'o'), wanted);
    const holders = [...shop.node.current.holders('Order', 1, 'a')];
    assert.deepEqual(holders, []);
  });

  it('deletes a row once that is both to go and to stay', () => {
    const shop = new Shop();
    shop.create('Customer', { id: 'a' });
    shop.create('Order', { id: 'o', customer: 'a', seller: 'a' });
    assert.equal(shop.delete('Customer', 'a').kind, 'applied');
    assert.deepEqual(shop.ids('Order'), []);
  });

  it('ends where rows refer to each other in a circle', () => {
    const shop = new Shop();
    shop.create(
      'Customer',
      { id: 'a', friend: 'c' },
      { id: 'b', friend: 'a' },
      { id: 'c', friend: 'b' },
    );
    shop.create('Customer', { id: 'self', friend: 'self' });
    assert.equal(shop.delete('Customer', 'b').kind, 'applied');
    assert.deepEqual(shop.ids('Customer'), ['self']);
    assert.equal(shop.delete('Customer', 'self').kind, 'applied');
  });

  it('is refused as a whole where something further down restricts it', () => {
    const shop = new Shop();
    shop.create('Customer', { id: 'a' });
    shop.create('Order', { id: 'o', customer: 'a' });
    shop.create('Invoice', { id: 'i', order: 'o' });
    const outcome = shop.delete('Customer', 'a');
    assert.ok(outcome.kind === 'rejected' && outcome.code === 'still_referenced');
    const message = 'a Invoice refers to a Order that would be deleted with it in order';
    assert.equal(outcome.message, message);
    assert.deepEqual([shop.ids('Customer'), shop.ids('Order')], [['a'], ['o']]);
  });

  it('is not restricted by a row that goes with it', () => {
    const shop = new Shop();
    shop.create('Order', { id: 'o' });
    shop.create('Line', { id: 'l', order: 'o' });
    shop.create('Invoice', { id: 'i', order: 'o', line: 'l' });
    assert.equal(shop.delete('Order', 'o').kind, 'applied');
    assert.deepEqual(shop.ids('Invoice'), []);
  });

  it('takes at most as many rows as one entry holds', () => {
    const shop = new Shop();
    shop.create('Order', { id: 'o' });
    const lines = Array.from({ length: 1000 }, (_, at) => ({ id: `l${at}`, order: 'o' }));
    shop.create('Line', ...lines);
    const outcome = shop.delete('Order', 'o');
    assert.ok(outcome.kind === 'rejected' && outcome.code === 'cascade_too_large');
    assert.equal(shop.ids('Line').length, 1000);
    shop.delete('Line', 'l0');
    assert.equal(shop.delete('Order', 'o').kind, 'applied');
    assert.deepEqual(shop.ids('Line'), []);
  });

  it('changes at most as many bytes as one entry holds, however few characters they are', () => {
    const shop = new Shop();
    shop.create('Customer', { id: 'a' });
    const text = '\u6f22'.repeat(3_000_000);
    for (const id of ['l1', 'l2']) shop.create('Letter', { id, from: 'a', text });
    const outcome = shop.delete('Customer', 'a');
    assert.ok(outcome.kind === 'rejected' && outcome.code === 'cascade_too_large');
    shop.delete('Letter', 'l1');
    assert.equal(shop.delete('Customer', 'a').kind, 'applied');
  });

  it('is what its declared events say', () => {
    const shop = new Shop();
    shop.create('Customer', { id: 'a' });
    shop.create('Order', { id: 'o', seller: 'a' });
    shop.told.length = 0;
    shop.delete('Customer', 'a');
    assert.deepEqual(shop.told, ['CustomerDeleted', 'OrderLost']);
  });
});
