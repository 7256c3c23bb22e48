import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileSchema, type JsonValue, validateSpec } from '@lithair/crds';
import { neededBySchema } from './apply-version.ts';

type Part = { [name: string]: JsonValue };

function needed(model: Part, field: Part = { maxLength: 100 }): number {
  const fields = [
    { name: 'id', type: 'uuid', primaryKey: true },
    { name: 'owner', type: 'string', ...field },
    { name: 'open', type: 'boolean' },
  ];
  const keys = [{ name: 'importer', sha256: '0'.repeat(64), roles: ['Manager'] }];
  const result = validateSpec({
    auth: { mode: 'tokens', apiKeys: { keys } },
    models: [{ name: 'Note', fields, ...model }],
    cluster: { storage: { size: '1Gi' } },
  });
  assert.ok(result.ok, JSON.stringify(result));
  return neededBySchema(compileSchema(result.value));
}

test('a schema of what every member knows asks for no apply version', () => {
  assert.equal(needed({ permissions: { read: ['Public'] } }), 0);
});

const RECENT: readonly [string, Part, Part?][] = [
  ['a rule', { rules: [{ expr: 'self.open', message: 'must be open' }] }],
  ['rows of an owner', { permissions: { read: ['Owner'], owner: 'owner' } }],
  ['rows that are public', { permissions: { publicIf: 'self.open' } }],
  [
    'rights on rows',
    { permissions: { rows: [{ roles: ['Manager'], operations: ['read'], using: 'self.open' }] } },
  ],
  ['an index over two fields', { indexes: [{ fields: ['owner', 'open'] }] }],
  ['a collation', {}, { collation: 'ci' }],
];

test('a computed field asks for members that compute it', () => {
  assert.equal(needed({}, { computed: 'self.open ? "a" : "b"' }), 7);
});

test('rights to the past, and fields for owners, ask for members that refuse others', () => {
  const history = { permissions: { read: ['Public'], history: ['Manager'] } };
  assert.equal(needed({ ...history, lifecycle: { versioned: 3 } }), 7);
  const owned = { permissions: { write: ['Owner'] } };
  assert.equal(needed({ permissions: { read: ['Public'], owner: 'owner' } }, owned), 7);
});

test('digits as numbers ask for members that answer so, wherever they stand', () => {
  const items = { type: 'decimal', representation: 'number' };
  assert.equal(needed({}, { type: 'array', items }), 7);
  assert.equal(needed({}, { type: 'decimal', representation: 'string' }), 0);
});

test('values that are unique forever ask for members that keep them', () => {
  assert.equal(needed({ indexes: [{ fields: ['owner'], unique: 'forever' }] }), 7);
  assert.equal(needed({ indexes: [{ fields: ['owner', 'open'], unique: 'live' }] }), 6);
});

test('an index over some of the rows asks for members that make its keys', () => {
  assert.equal(needed({ indexes: [{ fields: ['owner'], where: 'self.open' }] }), 7);
});

for (const [what, model, field] of RECENT) {
  test(`${what} asks for members that know it`, () => {
    assert.equal(needed(model, field), 6);
  });
}
