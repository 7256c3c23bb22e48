import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { type Problem, validateResource, validateSpec } from './index.ts';

const ID = '{name: id, type: uuid, primaryKey: true}';

/** A spec of one model `A` with a key, these further fields and these further attributes. */
function specWith(fields: string, more = ''): string {
  return `models: [{name: A, fields: [${ID}${fields === '' ? '' : `, ${fields}`}]}]\n${more}`;
}

function problemsOf(spec: string): Problem[] {
  const result = validateSpec(parse(spec));
  return result.ok ? [] : result.problems;
}

/** Whole specs that are refused: the path, the code and the message. */
const SPEC_REFUSALS: [string, string, string, RegExp][] = [
  ['{}', 'models', 'missing_attribute', /is missing/],
  ['{models: []}', 'models', 'too_few', /at least 1/],
  ['{models: {}}', 'models', 'wrong_type', /a list, not a map/],
  [`{models: [{name: a, fields: [${ID}]}]}`, 'models[0].name', 'invalid_name', /capital letter/],
  ['{models: [{name: A, fields: []}]}', 'models[0].fields', 'too_few', /at least 1/],
  [
    '{models: [{name: A, fields: [{name: x, type: string}]}]}',
    'models[0].fields',
    'primary_key',
    /one field must say/,
  ],
  [
    '{models: [{name: A, fields: [{name: x, type: integer, primaryKey: true}]}]}',
    'models[0].fields[0].primaryKey',
    'does_not_apply',
    /uuid, string/,
  ],
  [
    `{models: [{name: A, fields: [${ID}, {name: x, type: integer, pattern: none}]}]}`,
    'models[0].fields[1].pattern',
    'does_not_apply',
    /string, text/,
  ],
  [
    `{models: [{name: A, fields: [${ID}, {name: x, type: string, inverse: none}]}]}`,
    'models[0].fields[1].inverse',
    'does_not_apply',
    /reference/,
  ],
  [
    '{models: [{name: A, fields: [{name: x, type: uuid, primaryKey: true, nullable: true}]}]}',
    'models[0].fields[0].nullable',
    'primary_key',
    /never null/,
  ],
  [
    '{models: [{name: A, fields: [{name: x, type: uuid, primaryKey: true, immutable: false}]}]}',
    'models[0].fields[0].immutable',
    'primary_key',
    /never changes/,
  ],
  [
    '{models: [{name: A, fields: [{name: x, type: uuid, primaryKey: true, unique: false}]}]}',
    'models[0].fields[0].unique',
    'primary_key',
    /always unique/,
  ],
  [
    '{models: [{name: A, fields: [{name: x, type: string, primaryKey: true, required: false}]}]}',
    'models[0].fields[0].required',
    'primary_key',
    /from the client/,
  ],
  [
    '{models: [{name: A, fields: [{name: x, type: string, primaryKey: true, minLength: 0}]}]}',
    'models[0].fields[0].minLength',
    'primary_key',
    /never empty/,
  ],
  [
    '{models: [{name: A, fields: [{name: x, type: string, primaryKey: true, maxLength: 257}]}]}',
    'models[0].fields[0].maxLength',
    'primary_key',
    /at most 256/,
  ],
  [
    '{models: [{name: A, fields: [{name: x, type: string, primaryKey: true, default: a}]}]}',
    'models[0].fields[0].default',
    'primary_key',
    /taken twice/,
  ],
  [
    `{models: [{name: A, fields: [${ID}]}, {name: A, path: /api/b, fields: [${ID}]}]}`,
    'models[1].name',
    'duplicate_name',
    /second model/,
  ],
  [
    `{models: [{name: A, path: /products, fields: [${ID}]}]}`,
    'models[0].path',
    'reserved_path',
    /start with \/api\//,
  ],
  [
    `{models: [{name: A, path: /healthz, fields: [${ID}]}]}`,
    'models[0].path',
    'reserved_path',
    /start with \/api\//,
  ],
  [
    `{models: [{name: A, path: /api/_events, fields: [${ID}]}]}`,
    'models[0].path',
    'reserved_path',
    /starts with _/,
  ],
  [
    `{models: [{name: A, path: "/api/a b", fields: [${ID}]}]}`,
    'models[0].path',
    'invalid_path',
    /letters, digits/,
  ],
  [
    `{models: [{name: A, path: /api/a/, fields: [${ID}]}]}`,
    'models[0].path',
    'invalid_path',
    /letters, digits/,
  ],
  [
    `{models: [{name: A, path: /api/bs, fields: [${ID}]}, {name: B, fields: [${ID}]}]}`,
    'models[1].name',
    'path_clash',
    /is taken by/,
  ],
  [
    `{models: [{name: A, fields: [${ID}]}, {name: B, path: /api/as/b, fields: [${ID}]}]}`,
    'models[1].path',
    'path_clash',
    /clashes with \/api\/as/,
  ],
  [specWith('', 'projections: []'), 'projections', 'not_supported_yet', /projections is not/],
  [specWith('', 'gateway: {cors: {}}'), 'gateway', 'not_supported_yet', /gateway is not/],
  [specWith('', 'modles: []'), 'modles', 'unknown_attribute', /did you mean "models"/],
  [specWith('', 'auth: {}'), 'auth.mode', 'missing_attribute', /is missing/],
  [specWith('', 'auth: {mode: tokens}'), 'auth', 'missing_attribute', /needs apiKeys, jwt/],
  [
    specWith('', 'auth: {mode: opne}'),
    'auth.mode',
    'invalid_value',
    /must be open or tokens, .* "open"/,
  ],
  [
    specWith('', `auth: {mode: open, apiKeys: {keys: [{name: a, sha256: ${'a'.repeat(64)}}]}}`),
    'auth.apiKeys',
    'conflicting',
    /needs auth.mode/,
  ],
  [
    specWith('', 'store: {idempotency: {window: 1 day}}'),
    'store.idempotency.window',
    'invalid_value',
    /90d|duration/,
  ],
  [
    specWith('', 'store: {idempotency: {maxOutcomes: 0}}'),
    'store.idempotency.maxOutcomes',
    'out_of_range',
    /between 1 and/,
  ],
  [
    specWith('', 'store: {snapshotEvery: 0}'),
    'store.snapshotEvery',
    'out_of_range',
    /between 1 and/,
  ],
  [
    specWith('', 'store: {batchSize: "100"}'),
    'store.batchSize',
    'wrong_type',
    /a whole number, not "100"/,
  ],
  [specWith('', 'store: {syncMode: none}'), 'store.syncMode', 'not_supported_yet', /"none"/],
  [specWith('', 'cluster: {voters: 2}'), 'cluster.voters', 'out_of_range', /1, 3, 5 or 7, not 2/],
  [
    specWith('', 'cluster: {voters: 3, regions: [{name: eu}]}'),
    'cluster.voters',
    'conflicting',
    /exclude each other/,
  ],
  [
    specWith('', 'cluster: {regions: [{name: eu}, {name: us}]}'),
    'cluster.regions',
    'out_of_range',
    /together must be 1, 3, 5 or 7, not 6/,
  ],
  [
    specWith('', 'cluster: {regions: [{name: eu, role: Learner}]}'),
    'cluster.regions',
    'out_of_range',
    /not 0/,
  ],
  [
    specWith('', 'cluster: {regions: [{name: eu}, {name: us, role: Observer}]}'),
    'cluster.regions[1].role',
    'invalid_value',
    /Voter or Learner/,
  ],
  [
    specWith('', 'cluster: {regions: [{name: eu}, {name: eu, role: Learner}]}'),
    'cluster.regions[1].name',
    'duplicate_name',
    /a second region is called "eu"/,
  ],
  [
    specWith('', 'cluster: {regions: [{name: eu}, {name: read, role: Learner}]}'),
    'cluster.regions[1].name',
    'invalid_name',
    /no region can be called "read"/,
  ],
  [
    specWith('', 'cluster: {regions: [{name: eu, nodeSelector: {disk: 3}}]}'),
    'cluster.regions[0].nodeSelector.disk',
    'wrong_type',
    /must be a string/,
  ],
  [
    specWith('', 'cluster: {regions: [{name: eu, nodeSelector: {"a b": c}}]}'),
    'cluster.regions[0].nodeSelector.a b',
    'invalid_name',
    /no name of a label/,
  ],
  [
    specWith('', 'cluster: {readReplicas: 21}'),
    'cluster.readReplicas',
    'out_of_range',
    /between 0 and 20, not 21/,
  ],
  [
    specWith('', 'cluster: {regions: [{name: EU}]}'),
    'cluster.regions[0].name',
    'invalid_name',
    /small letter/,
  ],
  [
    specWith('', 'cluster: {updatePolicy: {mode: Never}}'),
    'cluster.updatePolicy.mode',
    'invalid_value',
    /Rolling, Supervised or OnDelete/,
  ],
  [specWith('', 'cluster: {expose: {}}'), 'cluster.expose', 'not_supported_yet', /expose is not/],
  [
    specWith('', 'cluster: {storage: {size: 10}}'),
    'cluster.storage.size',
    'wrong_type',
    /a string, not 10/,
  ],
  [
    specWith('', 'cluster: {storage: {size: 10Q}}'),
    'cluster.storage.size',
    'invalid_value',
    /such as "10Gi"/,
  ],
  [
    specWith('', 'cluster: {resources: {limits: {cpu: x}}}'),
    'cluster.resources.limits.cpu',
    'invalid_value',
    /quantity/,
  ],
];

for (const [spec, path, code, message] of SPEC_REFUSALS) {
  test(`refused as ${code} at ${path}: ${spec.slice(0, 100).trim()}`, () => {
    const problems = problemsOf(spec);
    assert.deepEqual(
      problems.map((p) => [p.path, p.code]),
      [[path, code]],
    );
    assert.match(problems[0]?.message ?? '', message);
  });
}

const LATER_MODEL = ['relations', 'states'];
for (const attribute of LATER_MODEL) {
  test(`the attribute ${attribute} of a model is refused as not supported yet`, () => {
    const problems = problemsOf(`models: [{name: A, ${attribute}: {}, fields: [${ID}]}]`);
    assert.deepEqual(
      problems.map(({ message }) => message),
      [`${attribute} is not supported yet`],
    );
  });
}

test('encryption of a field is called encrypted here', () => {
  const field = '{name: secret, type: string, encryption: {algorithm: AES256}}';
  const problems = problemsOf(`models: [{name: A, fields: [${ID}, ${field}]}]`);
  assert.deepEqual(
    problems.map(({ path, message }) => [path, message]),
    [
      [
        'models[0].fields[1].encryption',
        'unknown attribute "encryption" (did you mean "encrypted"?)',
      ],
    ],
  );
});

const persisted = (p: string) => `models: [{name: A, persistence: ${p}, fields: [${ID}]}]`;

test('durability and consistency accept only what is built', () => {
  assert.deepEqual(problemsOf(persisted('{durability: quorum, consistency: strong}')), []);
  assert.deepEqual(problemsOf(persisted('{durability: leader, consistency: sequential}')), []);
  assert.deepEqual(problemsOf(persisted('{durability: periodic}')), []);
  const codes = problemsOf(persisted('{durability: none, consistency: weak}')).map((p) => p.code);
  assert.deepEqual(codes, ['invalid_value', 'invalid_value']);
  assert.deepEqual(problemsOf(persisted('{memory: adaptive, cacheMiB: 256}')), []);
  for (const conflict of ['{cacheMiB: 256}', '{memory: adaptive, consistency: eventual}']) {
    assert.deepEqual(
      problemsOf(persisted(conflict)).map(({ code }) => code),
      ['conflicting'],
    );
  }
});

test('all problems are reported, not only the first', () => {
  const fields =
    '{name: x, type: integer, pattern: a, collation: ci}, {name: y, type: nope, zzz: 1}';
  const paths = problemsOf(specWith(fields, 'auth: {mode: opne}')).map((p) => p.path);
  assert.deepEqual(paths.toSorted(), [
    'auth.mode',
    'models[0].fields[1].collation',
    'models[0].fields[1].pattern',
    'models[0].fields[2].type',
    'models[0].fields[2].zzz',
  ]);
});

test('pointers follow RFC 6901', () => {
  const [p] = problemsOf(specWith('{name: x, type: string, "a/b~c": 1}'));
  assert.equal(p?.pointer, '/models/0/fields/1/a~1b~0c');
});

test('fields nest five levels deep, not more', () => {
  const nest = (levels: number): string =>
    levels === 1
      ? '{name: x, type: string}'
      : `{name: x, type: object, fields: [${nest(levels - 1)}]}`;
  assert.deepEqual(problemsOf(specWith(nest(5))), []);
  assert.deepEqual(
    problemsOf(specWith(nest(6))).map((p) => p.code),
    ['too_deep'],
  );
});

test('lists are bounded before anything in them is looked at', () => {
  const models = Array.from({ length: 101 }, () => ({ zzz: 1 }));
  const result = validateSpec({ models });
  assert.ok(!result.ok);
  assert.deepEqual(
    result.problems.map((p) => [p.path, p.code]),
    [['models', 'too_many']],
  );
  const values = Array.from({ length: 1001 }, (_, i) => `v${i}`).join(',');
  const [p] = problemsOf(specWith(`{name: x, type: enum, values: [${values}]}`));
  assert.equal(p?.message, 'at most 1000 values, not 1001');
});

test('every default is expanded, and expanding twice changes nothing', () => {
  const result = validateSpec(parse(specWith('{name: x, type: reference, to: A}')));
  assert.ok(result.ok);
  const field = {
    nullable: false,
    unique: false,
    index: 'none',
    immutable: false,
    required: false,
  };
  assert.deepEqual(result.value.models[0], {
    name: 'A',
    path: '/api/as',
    persistence: { durability: 'quorum', consistency: 'strong' },
    fields: [
      { ...field, name: 'id', type: 'uuid', primaryKey: true, immutable: true, unique: true },
      { ...field, name: 'x', type: 'reference', primaryKey: false, to: 'A', onDelete: 'restrict' },
    ],
  });
  assert.deepEqual(result.value.store, {
    snapshotEvery: 100000,
    batchSize: 100,
    syncMode: 'group',
    codec: 'json',
  });
  assert.equal(result.value.cluster.voters, 3);
  const again = validateSpec(result.value);
  assert.ok(again.ok);
  assert.deepEqual(again.value, result.value);
});

test('a spec that does not say auth.mode is valid and flagged', () => {
  const silent = validateSpec(parse(specWith('')));
  assert.ok(silent.ok && !silent.authDeclared);
  assert.deepEqual(
    silent.warnings.map((p) => p.code),
    ['auth_not_declared'],
  );
  const open = validateSpec(parse(specWith('', 'auth: {mode: open}')));
  assert.ok(open.ok && open.authDeclared && open.warnings.length === 0);
});

const resource = (more: object) => ({
  apiVersion: 'lithair.dev/v1alpha1',
  kind: 'LithairModel',
  metadata: { name: 'shop', labels: { a: 'b' } },
  spec: parse(specWith('')),
  ...more,
});

test('a resource keeps its metadata and status as Kubernetes wrote them', () => {
  const result = validateResource(resource({ status: { phase: 'Ready', other: 1 } }));
  assert.ok(result.ok);
  assert.deepEqual(result.value.metadata, { name: 'shop', labels: { a: 'b' } });
  assert.deepEqual(result.value.status, { phase: 'Ready', other: 1 });
});

const RESOURCE_REFUSALS: [object, string, RegExp][] = [
  [{ apiVersion: 'lithair.dev/v1' }, 'apiVersion', /must be lithair.dev\/v1alpha1/],
  [{ kind: 'Model' }, 'kind', /must be LithairModel/],
  [{ metadata: {} }, 'metadata.name', /is missing/],
  [{ metadata: { name: 'Shop' } }, 'metadata.name', /small letter/],
  [{ metadata: { name: 'a'.repeat(53) } }, 'metadata.name', /at most 52/],
  [{ spec: { models: 1 } }, 'spec.models', /must be a list/],
  [{ extra: 1 }, 'extra', /unknown attribute/],
];

for (const [more, path, message] of RESOURCE_REFUSALS) {
  test(`a resource with ${JSON.stringify(more).slice(0, 50)} is refused at ${path}`, () => {
    const result = validateResource(resource(more));
    assert.ok(!result.ok);
    assert.deepEqual(
      result.problems.map((p) => p.path),
      [path],
    );
    assert.match(result.problems[0]?.message ?? '', message);
  });
}

test('a value that is no map at all is refused', () => {
  for (const value of [null, 1, 'x', [], undefined]) {
    assert.ok(!validateResource(value).ok);
    assert.ok(!validateSpec(value).ok);
  }
});
