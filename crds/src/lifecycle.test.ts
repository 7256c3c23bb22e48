import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { compareSchemas, compileSchema, durationMs, type Schema, validateSpec } from './index.ts';

const ID = '{name: id, type: uuid, primaryKey: true}';
const PRICE = '{name: price, type: decimal}';

function specOf(model: string, fields = PRICE): unknown {
  return parse(`models: [{name: Product, fields: [${ID}, ${fields}], ${model}}]`);
}

function schemaOf(model: string, fields = PRICE): Schema {
  const result = validateSpec(specOf(model, fields));
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return compileSchema(result.value);
}

const REFUSALS: [string, string, string, RegExp][] = [
  ['lifecycle: {audited: yes please}', 'lifecycle.audited', 'wrong_type', /true or false/],
  ['lifecycle: {versioned: 0}', 'lifecycle.versioned', 'out_of_range', /between 1 and 1000/],
  ['lifecycle: {versions: 3}', 'lifecycle.versions', 'unknown_attribute', /"versions"/],
  [
    'lifecycle: {softDelete: true}, persistence: {consistency: eventual}',
    'lifecycle.softDelete',
    'conflicting',
    /restored on one node/,
  ],
  ['lifecycle: {ttl: 1d}', 'lifecycle.ttl', 'wrong_type', /must be a map/],
  ['lifecycle: {expiry: 1d}', 'lifecycle.expiry', 'not_supported_yet', /expiry is not supported/],
  ['lifecycle: {purgeAfter: 1d}', 'lifecycle.purgeAfter', 'conflicting', /needs softDelete: true/],
  ['lifecycle: {retention: {warm: 3}}', 'lifecycle.retention.warm', 'wrong_type', /a string/],
  ['lifecycle: {retention: {warm: 3x}}', 'lifecycle.retention.warm', 'invalid_value', /"90d"/],
  ['lifecycle: {retention: {}}', 'lifecycle.retention', 'missing_attribute', /needs hot, warm/],
  [
    'lifecycle: {retention: {hot: forever}}',
    'lifecycle.retention.hot',
    'invalid_value',
    /memory is bounded/,
  ],
  [
    'lifecycle: {retention: {hot: 1d, cold: forever}}',
    'lifecycle.retention.cold',
    'missing_attribute',
    /cold needs store.cold/,
  ],
  [
    'security: {tamperEvidence: true}',
    'security.tamperEvidence',
    'conflicting',
    /needs lifecycle.audited/,
  ],
  [
    'security: {tamperEvidence: true}, lifecycle: {audited: true, versioned: 3}',
    'security.tamperEvidence',
    'conflicting',
    /keeps events whole/,
  ],
  ['security: {encryptionAtRest: 1}', 'security.encryptionAtRest', 'wrong_type', /true or false/],
  ['events: []', 'events', 'too_few', /at least 1/],
  ['events: [{when: update}]', 'events[0].type', 'missing_attribute', /is missing/],
  ['events: [{type: Repriced}]', 'events[0].when', 'missing_attribute', /is missing/],
  ['events: [{type: repriced, when: update}]', 'events[0].type', 'invalid_name', /capital/],
  ['events: [{type: X, when: changed}]', 'events[0].when', 'invalid_value', /create, update or/],
  [
    'events: [{type: X, when: update}, {type: X, when: create}]',
    'events[1].type',
    'duplicate_name',
    /a second event is called "X"/,
  ],
  [
    'events: [{type: X, when: update, fields: [pricee]}]',
    'events[0].fields[0]',
    'missing_field',
    /there is no field "pricee" in the model/,
  ],
  [
    'events: [{type: X, when: delete, fields: [price]}]',
    'events[0].fields',
    'does_not_apply',
    /fields does not apply to when: delete/,
  ],
];

for (const [model, path, code, message] of REFUSALS) {
  test(`refused as ${code} at ${path}: ${model}`, () => {
    const result = validateSpec(specOf(model));
    const problems = result.ok ? [] : result.problems;
    assert.deepEqual(
      problems.map((p) => [p.path, p.code]),
      [[`models[0].${path}`, code]],
    );
    assert.match(problems[0]?.message ?? '', message);
  });
}

const S3 = 'type: s3, bucket: past';
const COLD_REFUSALS: [string, string, string, RegExp][] = [
  ['{}', 'store.cold.type', 'missing_attribute', /is missing/],
  ['{type: tape}', 'store.cold.type', 'invalid_value', /directory or s3/],
  ['{type: s3}', 'store.cold', 'missing_attribute', /type: s3 needs bucket/],
  ['{type: directory}', 'store.cold', 'missing_attribute', /type: directory needs directory/],
  ['{type: directory, directory: cold}', 'store.cold.directory', 'invalid_value', /absolute/],
  [
    '{type: directory, directory: /c, bucket: past}',
    'store.cold.bucket',
    'does_not_apply',
    /bucket does not apply to type: directory/,
  ],
  [`{${S3}, directory: /c}`, 'store.cold.directory', 'does_not_apply', /does not apply/],
  [`{type: s3, bucket: Past}`, 'store.cold.bucket', 'invalid_value', /name of a bucket/],
  [
    `{${S3}, endpoint: "https://a:99999"}`,
    'store.cold.endpoint',
    'invalid_value',
    /is no URL: "https:\/\/a:99999"/,
  ],
  [`{${S3}, endpoint: "https://[::1"}`, 'store.cold.endpoint', 'invalid_value', /is no URL/],
  [`{${S3}, endpoint: "s3.example"}`, 'store.cold.endpoint', 'invalid_value', /http or https/],
  [`{${S3}, secretKey: abc}`, 'store.cold.secretKey', 'unknown_attribute', /secretKey/],
];

for (const [cold, path, code, message] of COLD_REFUSALS) {
  test(`refused as ${code}: store.cold ${cold}`, () => {
    const result = validateSpec(
      parse(`models: [{name: A, fields: [${ID}]}]\nstore: {cold: ${cold}}`),
    );
    const problems = result.ok ? [] : result.problems;
    assert.deepEqual(
      problems.map((p) => [p.path, p.code]),
      [[path, code]],
    );
    assert.match(problems[0]?.message ?? '', message);
  });
}

function coldSchema(cold: string): Schema {
  const lifecycle = 'lifecycle: {retention: {hot: 1d, warm: 9d, cold: forever}}';
  const text = `models: [{name: A, fields: [${ID}], ${lifecycle}}]\nstore: {cold: ${cold}}`;
  const result = validateSpec(parse(text));
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return compileSchema(result.value);
}

test('nothing gets cold behind warm: forever', () => {
  const lifecycle = 'lifecycle: {retention: {warm: forever, cold: 1d}}';
  const text = `models: [{name: A, fields: [${ID}], ${lifecycle}}]\nstore: {cold: {${S3}}}`;
  const result = validateSpec(parse(text));
  assert.deepEqual(result.ok ? null : result.problems.map(({ code }) => code), ['conflicting']);
});

test('what is encrypted at rest may get cold, and may be written on every node', () => {
  const more = 'security: {encryptionAtRest: true}, persistence: {consistency: eventual}';
  const model = `lifecycle: {retention: {hot: 1d, cold: 1d}}, ${more}`;
  const text = `models: [{name: A, fields: [${ID}], ${model}}]\nstore: {cold: {${S3}}}`;
  const result = validateSpec(parse(text));
  assert.ok(result.ok, JSON.stringify(result));
  const [compiled] = compileSchema(result.value).models;
  assert.equal(compiled?.encryptionAtRest, true);
});

test('how the cold store is reached may change, the place where it lies may not', () => {
  const before = coldSchema(`{${S3}, credentialsSecret: keys}`);
  assert.deepEqual(before.store.cold, { type: 's3', bucket: 'past' });
  const moved = compareSchemas(before, coldSchema('{type: s3, bucket: other}'));
  assert.deepEqual(
    moved.reasons.map(({ code }) => code),
    ['cold_store_moved'],
  );
  const gone = compareSchemas(before, schemaOf('lifecycle: {versioned: 5}'));
  assert.ok(gone.reasons.some(({ code }) => code === 'cold_store_moved'));
  const reached = compareSchemas(before, coldSchema(`{endpoint: "http://s3:9000", ${S3}}`));
  assert.deepEqual([reached.kind, reached.changes], ['additive', ['store.cold: settings change']]);
  const secret = compareSchemas(before, coldSchema(`{credentialsSecret: others, ${S3}}`));
  assert.equal(secret.kind, 'same');
});

test('durations are whole numbers of a unit', () => {
  const read = ['90s', '2m', '1h', '7d', '1w', '1y', 'forever'].map(durationMs);
  const day = 86_400_000;
  assert.deepEqual(read, [90_000, 120_000, 3_600_000, 7 * day, 7 * day, 365 * day, Infinity]);
});

test('a key has no history, because it never changes', () => {
  const key = '{name: id, type: uuid, primaryKey: true, historize: {mode: full}}';
  const result = validateSpec(parse(`models: [{name: A, fields: [${key}]}]`));
  assert.equal(result.ok ? null : result.problems[0]?.code, 'primary_key');
});

for (const said of ['audited: true', 'versioned: 3']) {
  test(`a key says nothing of its past: ${said}`, () => {
    const key = `{name: id, type: uuid, primaryKey: true, ${said}}`;
    const result = validateSpec(parse(`models: [{name: A, fields: [${key}]}]`));
    assert.equal(result.ok ? null : result.problems[0]?.code, 'primary_key');
  });
}

test('versioned of a field is historize with mode versions', () => {
  const field = '{name: price, type: decimal, versioned: 3}';
  const same = '{name: price, type: decimal, historize: {mode: versions, versions: 3}}';
  assert.deepEqual(schemaOf('path: /api/things', field), schemaOf('path: /api/things', same));
});

test('a field is audited where it says so, and cannot be left out of an audited model', () => {
  const audited = schemaOf('path: /api/things', '{name: price, type: decimal, audited: true}');
  assert.deepEqual(
    audited.models[0]?.fields.map((field) => field.audited),
    [undefined, true],
  );
  const silent = schemaOf('path: /api/things', '{name: price, type: decimal, audited: false}');
  assert.deepEqual(silent, schemaOf('path: /api/things'));
  const field = '{name: price, type: decimal, audited: false}';
  const result = validateSpec(specOf('lifecycle: {audited: true}', field));
  const [problem] = result.ok ? [] : result.problems;
  assert.equal(problem?.path, 'models[0].fields[1].audited');
  assert.match(problem?.message ?? '', /audits every field: say audited of fields instead/);
});

test('what a field says of its past goes with evidence as what its model says does', () => {
  const model = 'security: {tamperEvidence: true}, lifecycle: {audited: true}';
  const result = validateSpec(specOf(model, '{name: price, type: decimal, versioned: 3}'));
  assert.match(result.ok ? '' : (result.problems[0]?.message ?? ''), /keeps events whole/);
  const partly = specOf(
    'security: {tamperEvidence: true}',
    '{name: price, type: decimal, audited: true}',
  );
  const other = validateSpec(partly);
  assert.match(other.ok ? '' : (other.problems[0]?.message ?? ''), /needs lifecycle.audited/);
});

test('rights on the past are of use where a field has one', () => {
  const rights = 'permissions: {read: [Public], history: [Clerk]}';
  const auth = 'auth: {mode: tokens, apiKeys: {keys: [{name: a, sha256: SHA, roles: [Clerk]}]}}';
  const of = (field: string) =>
    validateSpec(
      parse(
        `{${auth.replace('SHA', 'a'.repeat(64))}, models: [{name: A, fields: [${ID}, ${field}], ${rights}}]}`,
      ),
    ).ok;
  assert.equal(of('{name: x, type: string, audited: true}'), true);
  assert.equal(of('{name: x, type: string, versioned: 2}'), true);
  assert.equal(of('{name: x, type: string, audited: false}'), false);
});

test('an immutable model has immutable fields', () => {
  const [model] = schemaOf('lifecycle: {immutable: true}').models;
  assert.deepEqual(
    model?.fields.map((field) => field.immutable),
    [true, true],
  );
  assert.deepEqual(model?.lifecycle, { audited: false });
});

test('a model that says nothing about its past compiles as before there was anything to say', () => {
  const [model] = schemaOf('path: /api/things').models;
  assert.deepEqual(Object.keys(model ?? {}), ['name', 'path', 'primaryKey', 'fields']);
});

test('whether a field is audited may change at any time', () => {
  const before = schemaOf('lifecycle: {versioned: 5}');
  const after = schemaOf(
    'lifecycle: {versioned: 5}',
    '{name: price, type: decimal, audited: true}',
  );
  const { kind, changes } = compareSchemas(before, after);
  assert.deepEqual([kind, changes], ['additive', ['Product.price: audited none becomes true']]);
  assert.equal(compareSchemas(after, before).kind, 'additive');
});

test('what is remembered, and what changes are called, may change at any time', () => {
  const before = schemaOf('lifecycle: {versioned: 5}');
  const after = schemaOf(
    'lifecycle: {audited: true}, events: [{type: Repriced, when: update, fields: [price]}]',
    '{name: price, type: decimal, historize: {mode: versions, versions: 2}}',
  );
  assert.deepEqual(compareSchemas(before, after), {
    kind: 'additive',
    changes: [
      'Product.price: historize none becomes {"mode":"versions","versions":2}',
      'Product: lifecycle {"audited":false,"versioned":5} becomes {"audited":true}',
      'Product: events none becomes [{"type":"Repriced","when":"update","fields":["price"]}]',
    ],
    reasons: [],
  });
  assert.equal(compareSchemas(after, before).kind, 'additive');
});
