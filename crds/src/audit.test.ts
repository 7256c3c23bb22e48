import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareSchemas, compileSchema, validateSpec } from './index.ts';

function validated(model: Record<string, unknown>, store: Record<string, unknown> = {}) {
  const fields = [{ name: 'id', type: 'uuid', primaryKey: true }];
  const models = [{ name: 'Patient', fields, ...model }];
  return validateSpec({ auth: { mode: 'open' }, models, store });
}

function compiled(model: Record<string, unknown>, store: Record<string, unknown> = {}) {
  const result = validated(model, store);
  assert.ok(result.ok, JSON.stringify(result));
  return compileSchema(result.value);
}

const AUDITED = { security: { auditAllOperations: true }, lifecycle: { audited: true } };

test('all operations of a model are audited where it says so, those on deleted rows included', () => {
  const { lifecycle } = AUDITED;
  const schema = compiled({ ...AUDITED, lifecycle: { ...lifecycle, softDelete: true } });
  assert.deepEqual(
    schema.models.map(({ auditAllOperations }) => auditAllOperations),
    [true, true],
  );
  const without = compiled({ ...AUDITED, security: { auditAllOperations: false } });
  assert.equal(without.models[0]?.auditAllOperations, undefined);
});

test('how long entries are kept is said once for the store', () => {
  assert.equal(compiled(AUDITED, { auditRetention: '90d' }).store.auditRetention, '90d');
  assert.equal(compiled(AUDITED, { auditRetention: 'forever' }).store.auditRetention, undefined);
  const comparison = compareSchemas(compiled({}), compiled(AUDITED, { auditRetention: '1d' }));
  assert.equal(comparison.kind, 'additive');
  assert.match(JSON.stringify(comparison), /auditAllOperations/);
  assert.match(JSON.stringify(comparison), /auditRetention/);
});

test('it needs events that tell of writes', () => {
  const result = validated({ security: { auditAllOperations: true } });
  assert.ok(!result.ok);
  const [problem] = result.problems;
  assert.equal(problem?.path, 'models[0].security.auditAllOperations');
  assert.match(problem?.message ?? '', /needs lifecycle.audited: true/);
});

test('it goes with encryption at rest, on which deleted rows insist, too', () => {
  const security = { auditAllOperations: true, encryptionAtRest: true };
  const schema = compiled({ security, lifecycle: { audited: true, softDelete: true } });
  assert.deepEqual(
    schema.models.map(({ encryptionAtRest, auditAllOperations }) => [
      encryptionAtRest,
      auditAllOperations,
    ]),
    [
      [true, true],
      [true, true],
    ],
  );
});
