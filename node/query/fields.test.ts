import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SingleNode, schemaOf } from '../http/testing/single-node.ts';
import type { AggregateRecord } from '../ports/index.ts';
import { compileFields, Row } from './fields.ts';

const SCHEMA = schemaOf([
  {
    name: 'Thing',
    fields: [
      { name: 'id', type: 'string', primaryKey: true },
      { name: 'code', type: 'string', index: 'hash' },
      { name: 'stock', type: 'integer', index: 'ordered' },
      { name: 'score', type: 'string' },
    ],
  },
]);

test('a look at one field of a row reads no keys of the others', () => {
  const reader = new SingleNode(SCHEMA).current.model('Thing');
  assert.ok(reader);
  const asked: number[] = [];
  const record: AggregateRecord = {
    id: 'a',
    version: 1,
    json: '{"id":"a","code":"b","stock":1,"score":"c"}',
    get keys(): string[] {
      return assert.fail('all keys are read');
    },
    keyAt: (at) => {
      asked.push(at);
      return `key ${at}`;
    },
  };
  const fields = compileFields(SCHEMA, reader.schema);
  const keyOf = (name: string) => {
    const field = fields.get(name);
    assert.ok(field);
    return new Row(record, reader).key(field);
  };
  assert.deepEqual(['id', 'score'].map(keyOf), ['a', 'c']);
  assert.deepEqual(asked, []);
  assert.equal(keyOf('stock'), 'key 1');
  assert.deepEqual(asked, [1]);
});
