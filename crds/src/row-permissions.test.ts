import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareSchemas, compileSchema, type Schema, validateSpec } from './index.ts';

const KEYS = { keys: [{ name: 'ann', sha256: 'a'.repeat(64), roles: ['Clerk'] }] };

function specOf(
  permissions: object,
  mode: 'open' | 'tokens' = 'tokens',
  more: readonly object[] = [],
): unknown {
  return {
    auth: { mode, ...(mode === 'tokens' && { apiKeys: KEYS }) },
    models: [
      {
        name: 'Note',
        fields: [
          { name: 'id', type: 'uuid', primaryKey: true },
          { name: 'ownerId', type: 'string', index: 'hash' },
          { name: 'size', type: 'integer' },
          ...more,
          { name: 'in', type: 'string' },
        ],
        permissions,
      },
    ],
  };
}

function schemaOf(permissions: object): Schema {
  const result = validateSpec(specOf(permissions));
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return compileSchema(result.value);
}

const MINE = 'self.ownerId == actor.id';

const REFUSALS: [object, string, string, RegExp][] = [
  [{ read: ['Owner'] }, 'read', 'missing_attribute', /needs permissions.owner/],
  [{ read: ['Public'], owner: 'ownerId' }, 'owner', 'conflicting', /of no use/],
  [{ read: ['Clerk'], history: ['Clerk'] }, 'history', 'conflicting', /keeps no history/],
  [{ read: ['Owner'], owner: 'nobody' }, 'owner', 'missing_field', /no field "nobody"/],
  [
    { read: ['Owner'], owner: 'size' },
    'owner',
    'does_not_apply',
    /a string, a uuid or a reference/,
  ],
  [{ read: ['Owner'], owner: 'in' }, 'owner', 'reserved_name', /call the owner otherwise/],
  [{ publicIf: 'self.size' }, 'publicIf', 'invalid_expression', /must say true or false/],
  [
    { rows: [{ roles: ['Clerk'], operations: ['read'] }] },
    'rows[0]',
    'missing_attribute',
    /need using/,
  ],
  [
    { rows: [{ roles: ['Clerk'], operations: ['create'] }] },
    'rows[0]',
    'missing_attribute',
    /create needs check/,
  ],
  [
    { rows: [{ roles: ['Clerk'], operations: ['delete'], using: MINE, check: MINE }] },
    'rows[0].check',
    'does_not_apply',
    /needs create or update/,
  ],
  [
    { rows: [{ roles: ['Owner'], operations: ['read'], using: MINE }] },
    'rows[0].roles',
    'reserved_name',
    /stands in create, read/,
  ],
  [
    { rows: [{ roles: ['Clerk'], operations: ['read'], using: 'old.size > 1' }] },
    'rows[0].using',
    'invalid_expression',
    /cannot speak of old/,
  ],
  [
    { rows: [{ roles: ['Clerk'], operations: ['update'], using: MINE, check: 'self.sise > 1' }] },
    'rows[0].check',
    'invalid_expression',
    /no field sise/,
  ],
];

for (const [permissions, path, code, message] of REFUSALS) {
  test(`permissions ${JSON.stringify(permissions)} are refused at ${path}`, () => {
    const result = validateSpec(specOf(permissions));
    assert.ok(!result.ok);
    const [first, ...rest] = result.problems;
    assert.deepEqual(rest, []);
    assert.equal(first?.path, `models[0].permissions.${path}`);
    assert.equal(first.code, code);
    assert.match(first.message, message);
  });
}

test('rules for rows need callers who can be told apart', () => {
  const result = validateSpec(specOf({ publicIf: 'self.size > 1' }, 'open'));
  assert.ok(!result.ok);
  assert.match(result.problems[0]?.message ?? '', /need auth.mode: tokens/);
});

test('they are part of the schema, and may change at any time', () => {
  const rows = [{ roles: ['Clerk'], operations: ['read'], using: MINE }];
  const permissions = { read: ['Owner'], owner: 'ownerId', publicIf: 'self.size > 1', rows };
  const schema = schemaOf(permissions);
  assert.deepEqual(schema.models[0]?.permissions, permissions);
  assert.equal(compareSchemas(schemaOf({ read: ['Clerk'] }), schema).kind, 'additive');
  assert.equal(compareSchemas(schema, schemaOf({ read: ['Clerk'] })).kind, 'additive');
});

test('a transition may be for the owner, whom the model names', () => {
  const states = { initial: 'a', transitions: [{ from: ['a'], to: 'b', roles: ['Owner'] }] };
  const state = { name: 'state', type: 'enum', values: ['a', 'b'], states };
  const of = (permissions: object) => validateSpec(specOf(permissions, 'tokens', [state]));
  assert.ok(of({ read: ['Public'], owner: 'ownerId' }).ok);
  const nameless = of({ read: ['Public'] });
  assert.ok(!nameless.ok);
  assert.deepEqual(
    nameless.problems.map(({ path, code }) => [path, code]),
    [['models[0].fields[3].states.transitions[0].roles', 'missing_attribute']],
  );
});

function specWith(owner: object): unknown {
  return {
    auth: { mode: 'tokens', apiKeys: KEYS },
    models: [
      {
        name: 'Note',
        fields: [
          { name: 'id', type: 'uuid', primaryKey: true },
          { name: 'ownerId', type: 'string' },
          { name: 'text', type: 'string', permissions: { read: ['Owner'] } },
        ],
        permissions: { read: ['Public'], ...owner },
      },
    ],
  };
}

test('a field names the owner only where the model says who that is', () => {
  assert.ok(validateSpec(specWith({ owner: 'ownerId' })).ok, 'a field is use enough');
  const result = validateSpec(specWith({}));
  assert.ok(!result.ok);
  assert.equal(result.problems[0]?.path, 'models[0].fields[2].permissions.read');
  assert.match(result.problems[0].message, /needs permissions.owner/);
});
