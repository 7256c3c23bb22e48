import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compileSchema, type Schema, validateSpec } from '@lithair/crds';
import type { Actor, JsonObject } from '../ports/index.ts';
import { opens, Rights, rowAccess } from './index.ts';

/** A schema of one model, of documents with an owner, a state and a size. */
function schemaOf(permissions: unknown): Schema {
  const fields = [
    { name: 'id', type: 'uuid', primaryKey: true },
    { name: 'owner', type: 'string' },
    { name: 'state', type: 'string' },
    { name: 'size', type: 'integer' },
  ];
  const keys = [{ name: 'program', sha256: '0'.repeat(64), roles: ['Clerk'] }];
  const auth = { mode: 'tokens', apiKeys: { keys } };
  const spec = validateSpec({ auth, models: [{ name: 'Document', fields, permissions }] });
  assert.ok(spec.ok, JSON.stringify(spec));
  return compileSchema(spec.value);
}

const actor = (subject: string, ...roles: string[]): Actor => ({ subject, method: 'jwt', roles });
const SOMEBODY: Actor = { subject: 'anonymous', method: 'none', roles: [] };
const row = (more: JsonObject = {}): JsonObject => ({
  id: '018f2f2a-0000-7000-8000-000000000001',
  owner: 'ann',
  state: 'draft',
  size: 1,
  ...more,
});

function reads(schema: Schema, caller: Actor, document: JsonObject): boolean {
  const [model] = schema.models;
  assert.ok(model);
  return opens(new Rights(schema).of(caller, model).rows('read'), document, caller);
}

function guardOf(schema: Schema, caller: Actor) {
  const [model] = schema.models;
  assert.ok(model);
  const guard = rowAccess.judge(schema, model, caller);
  assert.ok(guard);
  return guard;
}

describe('rights on single rows', () => {
  it('of an owner are on the rows that name them, and on no other', () => {
    const schema = schemaOf({ owner: 'owner', read: ['Owner'] });
    assert.ok(reads(schema, actor('ann'), row()));
    assert.ok(!reads(schema, actor('bob'), row()));
    assert.ok(!reads(schema, SOMEBODY, row({ owner: 'anonymous' })), 'who proved no subject');
  });

  it('of everybody are on the rows that are public, and on no other', () => {
    const schema = schemaOf({ read: ['Clerk'], publicIf: "self.state == 'public'" });
    assert.ok(reads(schema, SOMEBODY, row({ state: 'public' })));
    assert.ok(!reads(schema, SOMEBODY, row()));
    assert.ok(reads(schema, actor('bob', 'Clerk'), row()));
  });

  it('are for the roles and the operations that a rule names', () => {
    const rule = { roles: ['Clerk'], operations: ['read'], using: 'self.size < 10' };
    const schema = schemaOf({ read: ['Chief'], update: ['Chief'], rows: [rule] });
    assert.ok(reads(schema, actor('bob', 'Clerk'), row()));
    assert.ok(!reads(schema, actor('bob', 'Clerk'), row({ size: 10 })));
    assert.ok(!reads(schema, actor('bob', 'Guest'), row()));
    const guard = guardOf(schema, actor('bob', 'Clerk'));
    assert.equal(guard.existing('update', row()), 'forbidden');
    assert.equal(guard.existing('update', row({ size: 10 })), 'hidden');
  });

  it('let a row become what the check of their rule lets it become', () => {
    const rule = {
      roles: ['Clerk'],
      operations: ['create', 'update'],
      using: 'self.size < 10',
      check: 'self.size < 20',
    };
    const guard = guardOf(schemaOf({ rows: [rule] }), actor('bob', 'Clerk'));
    assert.ok(guard.written(row({ size: 19 }), row()));
    assert.ok(!guard.written(row({ size: 20 }), row()));
    assert.ok(!guard.written(row({ size: 11 }), row({ size: 10 })), 'it was not open');
    assert.ok(guard.written(row({ size: 19 }), null));
    assert.ok(!guard.written(row({ size: 20 }), null));
  });
});
