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
  const origin = { epoch: 1, index: 1, schemaVersion: 1 };
  const page = await execute(query, reader, origin, { defer, awaitDisk: (reading) => reading });
  assert.ok(pauses > 1);
  assert.deepEqual(
    page.records.map(({ id }) => id),
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
  const origin = { epoch: 1, index: 1, schemaVersion: 1 };
  const page = await execute(query, () => reader, origin);
  assert.equal(page.rows.length, 20);
  // Beside them only what it takes to see that they are many, and one at each pause.
  assert.ok(looked() >= 9000 && looked() < 9000 + 1100, `${looked()} rows were looked at`);
});
