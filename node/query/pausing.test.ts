import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SingleNode, schemaOf } from '../http/testing/single-node.ts';
import type { Command, JsonObject } from '../ports/index.ts';
import { compileQueries, execute } from './index.ts';
import { watchedReader } from './testing/watched-reader.ts';

const MODEL = {
  name: 'Product',
  fields: [
    { name: 'id', type: 'string', primaryKey: true },
    { name: 'name', type: 'string', nullable: true },
    { name: 'price', type: 'decimal', index: 'ordered' },
  ],
};

const ORIGIN = { epoch: 1, index: 1, schemaVersion: 1 };

const SHELF = { name: 'shelf', type: 'string', index: 'hash' };

test('a row that moves while a list pauses is on its page once', async () => {
  const node = new SingleNode(schemaOf([MODEL]));
  const run = (command: Command) => {
    const actor = { subject: 'test', method: 'none', roles: [] } as const;
    const outcome = node.execute({
      command,
      actor,
      schemaVersion: 1,
      idempotency: null,
      timeoutMs: 1000,
    });
    assert.equal(outcome.kind, 'applied', JSON.stringify(outcome));
  };
  const create = (bodies: JsonObject[]) => run({ kind: 'createMany', model: 'Product', bodies });
  for (let from = 0; from < 5000; from += 1000) {
    create(
      Array.from({ length: 1000 }, (_, at) => ({
        id: `r${from + at}`,
        price: `${from + at + 10}`,
        name: from + at === 0 ? 'lamp' : null,
      })),
    );
  }
  const reader = () => {
    const model = node.current.model('Product');
    assert.ok(model);
    return model;
  };
  const query = compileQueries(node.current.schema, reader().schema).list(
    [
      { name: 'sort', value: 'price', parts: ['price'] },
      { name: 'name[startsWith]', value: 'la', parts: ['la'] },
    ],
    null,
  );
  let pauses = 0;
  const defer = (resume: () => void) => {
    pauses += 1;
    if (pauses === 1) {
      run({ kind: 'delete', model: 'Product', id: 'r0', ifMatch: null });
      create([
        { id: 'r0', price: '9000', name: 'lamp' },
        { id: 'z', price: '9001', name: 'lab' },
      ]);
    }
    setImmediate(resume);
  };

  const page = await execute(query, reader, ORIGIN, { defer, awaitDisk: (reading) => reading });
  assert.ok(pauses > 1);
  assert.deepEqual(
    page.rows.map((json) => JSON.parse(json).id),
    ['r0', 'z'],
  );
});

test('a list of rows that have one value goes on where it paused', async () => {
  const shelved = { ...MODEL, fields: [...MODEL.fields, { ...SHELF }] };
  const node = new SingleNode(schemaOf([shelved]));
  for (let from = 0; from < 9000; from += 1000) {
    const bodies = Array.from({ length: 1000 }, (_, at) => {
      return { id: `r${from + at}`, price: '1', name: `lamp ${(from + at) % 17}`, shelf: 'upper' };
    });
    const outcome = node.execute({
      command: { kind: 'createMany', model: 'Product', bodies },
      actor: { subject: 'test', method: 'none', roles: [] },
      schemaVersion: 1,
      idempotency: null,
      timeoutMs: 1000,
    });
    assert.equal(outcome.kind, 'applied', JSON.stringify(outcome));
  }
  const model = node.current.model('Product');
  assert.ok(model);
  const { reader, looked } = watchedReader(model);
  const parameters = [
    { name: 'shelf', value: 'upper', parts: ['upper'] },
    { name: 'sort', value: 'name', parts: ['name'] },
  ];
  const query = compileQueries(node.current.schema, reader.schema).list(parameters, null);

  const page = await execute(query, () => reader, ORIGIN);
  assert.equal(page.rows.length, 20);
  // Beside them only what it takes to see that they are many, and one at each pause.
  assert.ok(looked() >= 9000 && looked() < 9000 + 1100, `${looked()} rows were looked at`);
});

test('a row that changes while a list pauses is shown as it was when the list came by', async () => {
  const count = 6000;
  const node = new SingleNode(schemaOf([MODEL]));
  const run = (command: Command) => {
    const actor = { subject: 'test', method: 'none', roles: [] } as const;
    const envelope = { command, actor, schemaVersion: 1, idempotency: null, timeoutMs: 1000 };
    const outcome = node.execute(envelope);
    assert.equal(outcome.kind, 'applied', JSON.stringify(outcome));
  };
  const all = Array.from({ length: count }, (_, at) => at);
  for (const at of all) run({ kind: 'create', model: 'Product', body: lamp(at, 'x') });
  const write = (name: string) => {
    const change = {
      kind: 'replace',
      model: 'Product',
      onlyIfAbsent: false,
      ifMatch: null,
    } as const;
    for (const at of all) run({ ...change, id: `r${at}`, body: lamp(at, name) });
  };
  const reader = () => {
    const model = node.current.model('Product');
    assert.ok(model);
    return model;
  };
  const list = compileQueries(node.current.schema, reader().schema);
  // Found by their keys alone: nobody has read the rows by then.
  const prices = all.filter((at) => at % 9 === 5).map((at) => `${at + 10}`);
  // Slabs of a young model are small, and not used again.
  for (const name of 'abcdefgh') write(name);
  for (const sort of [['price', '-id'], ['price']]) {
    write('x');
    const parameters = [
      { name: 'sort', value: sort.join(','), parts: sort },
      { name: 'limit', value: '1000', parts: ['1000'] },
      { name: 'price[in]', value: prices.join(','), parts: prices },
    ];
    const query = list.list(parameters, null);
    const before = await execute(query, reader, ORIGIN);
    let pauses = 0;
    // Memory that rows were read from is used for others: all are written several times.
    const defer = (resume: () => void) => {
      pauses += 1;
      if (pauses === 1) for (const name of 'yzuvwyzuvw') write(name);
      setImmediate(resume);
    };
    const page = await execute(query, reader, ORIGIN, { defer, awaitDisk: (reading) => reading });
    assert.ok(pauses > 1);
    assert.equal(page.rows.length, prices.length);
    assert.deepEqual(page.rows.slice(0, 220), before.rows.slice(0, 220));
  }
});

function lamp(at: number, name: string): JsonObject {
  return { id: `r${at}`, price: `${at + 10}`, name: `${name.repeat(150)} ${at}` };
}
