import assert from 'node:assert/strict';
import { test } from 'node:test';
import { schemaOf } from './testing/single-node.ts';
import { tracedBody } from './traced-body.ts';

const [MODEL] = schemaOf(
  [
    {
      name: 'Product',
      fields: [
        { name: 'id', type: 'uuid', primaryKey: true },
        { name: 'name', type: 'string' },
        { name: 'open', type: 'string', permissions: { read: ['Public'], write: ['Manager'] } },
        { name: 'cost', type: 'integer', permissions: { read: ['Manager'] } },
        { name: 'secret', type: 'string', hidden: true },
        { name: 'pin', type: 'string', encrypted: true },
      ],
    },
  ],
  {
    mode: 'tokens',
    apiKeys: { keys: [{ name: 'manager', sha256: 'c'.repeat(64), roles: ['Manager'] }] },
  },
).models;
const ROW = { name: 'a', open: 'b', cost: 7, secret: 'x', pin: '1234' };
const MINE = { model: 'Product', id: 'i', ifMatch: null } as const;

function shown(command: Parameters<typeof tracedBody>[0]): unknown {
  assert.ok(MODEL !== undefined);
  const text = tracedBody(command, MODEL);
  return text === '' ? '' : JSON.parse(text);
}

test('of rows, fields that all may read are shown', () => {
  const open = { name: 'a', open: 'b' };
  assert.deepEqual(shown({ kind: 'create', model: 'Product', body: ROW }), open);
  assert.deepEqual(shown({ kind: 'replace', ...MINE, onlyIfAbsent: false, body: ROW }), open);
  assert.deepEqual(shown({ kind: 'createMany', model: 'Product', bodies: [ROW, {}] }), [open, {}]);
  assert.equal(shown({ kind: 'delete', ...MINE }), '');
});

test('of patches, what is about such fields', () => {
  const merge = JSON.stringify(ROW);
  const patched = shown({ kind: 'patch', ...MINE, format: 'merge', patch: merge });
  assert.deepEqual(patched, { name: 'a', open: 'b' });
  const steps = [
    { op: 'test', path: '', value: ROW },
    { op: 'replace', path: '/name', value: 'c' },
    { op: 'replace', path: '/secret', value: 'x' },
    { op: 'copy', from: '/cost', path: '/name' },
    { op: 'remove', path: '/cost' },
    { op: 'replace', path: '/pin', value: '1235' },
  ];
  assert.deepEqual(
    shown({ kind: 'patch', ...MINE, format: 'json', patch: JSON.stringify(steps) }),
    [
      { op: 'test', path: '', value: { name: 'a', open: 'b' } },
      { op: 'replace', path: '/name', value: 'c' },
    ],
  );
});
