import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { compareSchemas, compileSchema, type Schema, validateSpec } from './index.ts';

const HASH = 'a'.repeat(64);
const KEYS = `{mode: tokens, apiKeys: {keys: [{name: importer, sha256: ${HASH}, roles: [Manager]}]}}`;
const ID = '{name: id, type: uuid, primaryKey: true}';

function specOf(auth: string, model = '', field = ''): unknown {
  const fields = [ID, ...(field === '' ? [] : [field])].join(', ');
  return parse(`{auth: ${auth}, models: [{name: Product, fields: [${fields}]${model}}]}`);
}

function schemaOf(auth: string, model = '', field = ''): Schema {
  const result = validateSpec(specOf(auth, model, field));
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return compileSchema(result.value);
}

const jwt = (rest: string) => `{mode: tokens, jwt: {issuer: i, audience: a, ${rest}}}`;
const PRICE = '{name: price, type: decimal, permissions: {read: [Manager]}}';

const REFUSALS: [string, string, string, string, string, RegExp][] = [
  ['{mode: tokens}', '', '', 'auth', 'missing_attribute', /needs apiKeys, jwt or both/],
  ['{mode: open, jwt: {}}', '', '', 'auth.jwt', 'conflicting', /needs auth.mode: tokens/],
  [
    `{mode: tokens, apiKeys: {keys: [{name: a, sha256: ${HASH}}, {name: b, sha256: ${HASH}}]}}`,
    '',
    '',
    'auth.apiKeys.keys[1].sha256',
    'duplicate_value',
    /twice/,
  ],
  [
    `{mode: tokens, apiKeys: {keys: [{name: a, sha256: secret}]}}`,
    '',
    '',
    'auth.apiKeys.keys[0].sha256',
    'invalid_value',
    /64 hex digits/,
  ],
  [
    `{mode: tokens, apiKeys: {keys: [{name: a, sha256: ${HASH}, roles: [Public]}]}}`,
    '',
    '',
    'auth.apiKeys.keys[0].roles[0]',
    'reserved_name',
    /is not given to a key/,
  ],
  [jwt('algorithms: [none]'), '', '', 'auth.jwt.algorithms[0]', 'invalid_value', /HS256/],
  [
    jwt('algorithms: [HS256, RS256], secretName: s'),
    '',
    '',
    'auth.jwt.algorithms',
    'conflicting',
    /taken for a secret/,
  ],
  [jwt('algorithms: [HS256]'), '', '', 'auth.jwt.secretName', 'missing_attribute', /HS256 needs/],
  [jwt('algorithms: [ES256]'), '', '', 'auth.jwt', 'missing_attribute', /one of jwks and jwksUri/],
  [jwt('algorithms: [ES256], jwks: "{"'), '', '', 'auth.jwt.jwks', 'invalid_value', /JWK set/],
  [
    jwt(`algorithms: [ES256], jwks: '{"keys": [{"kty": "EC", "d": "x"}]}'`),
    '',
    '',
    'auth.jwt.jwks',
    'invalid_value',
    /public keys alone/,
  ],
  [
    '{mode: open}',
    ', permissions: {read: [Public]}',
    '',
    'models[0].permissions',
    'conflicting',
    /need auth.mode: tokens/,
  ],
  [
    '{mode: open}',
    '',
    PRICE,
    'models[0].fields[1].permissions',
    'conflicting',
    /need auth.mode: tokens/,
  ],
  [
    KEYS,
    ', permissions: {read: [Owner]}',
    '',
    'models[0].permissions.read',
    'missing_attribute',
    /Owner needs permissions.owner/,
  ],
  [
    KEYS,
    ', permissions: {read: [manager]}',
    '',
    'models[0].permissions.read[0]',
    'invalid_name',
    /capital letter/,
  ],
  [
    KEYS,
    ', permissions: {history: [Manager]}',
    '',
    'models[0].permissions.history',
    'conflicting',
    /the model keeps no history/,
  ],
  [
    KEYS,
    '',
    '{name: a, type: string, required: true, hidden: true}',
    'models[0].fields[1].hidden',
    'conflicting',
    /cannot be required/,
  ],
  [
    KEYS,
    '',
    '{name: a, type: string, hidden: true, permissions: {}}',
    'models[0].fields[1].hidden',
    'conflicting',
    /exclude each other/,
  ],
];

for (const [auth, model, field, path, code, message] of REFUSALS) {
  test(`${path} of ${auth.slice(0, 60)}${model}${field} is refused: ${code}`, () => {
    const result = validateSpec(specOf(auth, model, field));
    assert.ok(!result.ok);
    const found = result.problems.find((p) => p.path === path);
    assert.equal(found?.code, code, JSON.stringify(result.problems));
    assert.match(found?.message ?? '', message);
  });
}

test('a primary key has no rights of its own, and is never hidden', () => {
  for (const attribute of ['permissions: {read: [A]}', 'hidden: true']) {
    const key = `{name: id, type: uuid, primaryKey: true, ${attribute}}`;
    const result = validateSpec(parse(`{auth: ${KEYS}, models: [{name: P, fields: [${key}]}]}`));
    assert.ok(!result.ok);
    assert.deepEqual(
      result.problems.map(({ code }) => code),
      ['primary_key'],
    );
  }
});

test('who may call is part of the schema, so that all nodes agree on it; an open one is not', () => {
  assert.equal(schemaOf('{mode: open}').auth, undefined);
  assert.deepEqual(schemaOf(KEYS).auth, {
    apiKeys: { keys: [{ name: 'importer', sha256: HASH, roles: ['Manager'] }] },
  });
  const { jwt: compiled } = schemaOf(jwt('algorithms: [HS256], secretName: s')).auth ?? {};
  assert.deepEqual(compiled, {
    issuer: 'i',
    audience: 'a',
    algorithms: ['HS256'],
    secretName: 's',
    subjectClaim: 'sub',
    rolesClaim: 'roles',
    leewaySeconds: 30,
  });
});

test('rights and callers may always change; what is said of the change holds no hash', () => {
  const [open, closed] = [schemaOf('{mode: open}'), schemaOf(KEYS)];
  const comparison = compareSchemas(open, closed);
  assert.equal(comparison.kind, 'additive');
  assert.deepEqual(comparison.changes, ['auth: who may call, and how it is proved']);
  const granted = schemaOf(KEYS, ', permissions: {read: [Public]}', PRICE);
  const before = schemaOf(KEYS, '', '{name: price, type: decimal}');
  assert.equal(compareSchemas(before, granted).kind, 'additive');
  assert.equal(compareSchemas(before, granted).changes.length, 2);
});
