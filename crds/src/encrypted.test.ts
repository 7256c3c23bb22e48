import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  compareSchemas,
  compileSchema,
  type JsonValue,
  type Schema,
  schemaFingerprint,
  validateSpec,
} from './index.ts';

type Attributes = { [attribute: string]: JsonValue };

const ID = { name: 'id', type: 'string', primaryKey: true };
const SECRET = { name: 'secret', type: 'string', encrypted: true };

function specOf(model: Attributes, fields: Attributes[] = [ID, SECRET], auth: Attributes = {}) {
  return { auth: { mode: 'open', ...auth }, models: [{ name: 'Note', fields, ...model }] };
}

function schemaOf(...fields: Attributes[]): Schema {
  const result = validateSpec(specOf({}, [ID, ...fields]));
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return compileSchema(result.value);
}

function problemsOf(spec: unknown): string[] {
  const result = validateSpec(spec);
  return result.ok ? [] : result.problems.map(({ path, message }) => `${path}: ${message}`);
}

test('fields of any type but references may be encrypted', () => {
  const types = ['string', 'text', 'integer', 'number', 'decimal', 'boolean', 'date', 'datetime'];
  const plain = types.map((type) => ({ name: `f_${type}`, type, encrypted: true }));
  const others = [
    { name: 'e', type: 'enum', values: ['a'], default: 'a', encrypted: true },
    { name: 'a', type: 'array', items: { type: 'string' }, encrypted: true },
    { name: 'o', type: 'object', fields: [{ name: 'x', type: 'string' }], encrypted: true },
    { name: 'u', type: 'uuid', required: true, nullable: true, immutable: true, encrypted: true },
    { name: 'by', type: 'string', defaultFrom: 'actor', encrypted: true },
    { name: 'no', type: 'string', unique: true, encrypted: false },
  ];
  const [model] = schemaOf(...plain, ...others).models;
  const marked = model?.fields
    .filter(({ encrypted }) => encrypted === true)
    .map(({ name }) => name);
  assert.deepEqual(
    marked,
    [...plain, ...others.slice(0, -1)].map(({ name }) => name),
  );
});

const FIELDS: [Attributes, RegExp][] = [
  [{ unique: true }, /unique: encrypted excludes unique: equal values have different ciphertexts/],
  [{ index: 'hash' }, /index: encrypted excludes index: no index holds its values/],
  [{ index: 'bloom' }, /index: encrypted excludes index/],
  [{ collation: 'ci' }, /collation: encrypted excludes collation/],
  [{ computed: 'self.id' }, /computed: encrypted excludes computed/],
  [{ type: 'reference', to: 'Note' }, /type: encrypted excludes type reference/],
  [
    {
      type: 'enum',
      values: ['a', 'b'],
      states: { initial: 'a', transitions: [{ from: ['a'], to: 'b' }] },
    },
    /states: encrypted excludes states/,
  ],
];
for (const [attributes, message] of FIELDS) {
  test(`a field with ${Object.keys(attributes).join(' and ')} cannot be encrypted`, () => {
    const found = problemsOf(specOf({}, [ID, { ...SECRET, ...attributes }]));
    assert.ok(
      found.some((each) => message.test(each) && each.includes('encrypted')),
      found.join('\n'),
    );
  });
}

test('a primary key, and what is inside a field, cannot be encrypted', () => {
  const key = problemsOf(specOf({}, [{ ...ID, encrypted: true }]));
  assert.match(key.join(), /encrypted excludes primaryKey: a primary key stands in every address/);
  const inner = [{ name: 'x', type: 'string', encrypted: true }];
  const nested = problemsOf(specOf({}, [ID, { name: 'o', type: 'object', fields: inner }]));
  assert.match(nested.join(), /encrypted applies to a field of the model, not to one inside an ob/);
  const items = { type: 'string', encrypted: true };
  const item = problemsOf(specOf({}, [ID, { name: 'a', type: 'array', items }]));
  assert.match(item.join(), /encrypted does not apply to the items of an array/);
});

const OTHER = { name: 'other', type: 'string' };
const MOMENT = { name: 'secret', type: 'datetime', encrypted: true };
const READS = /reads secret, which is encrypted: no expression sees its value/;
const TOKENS = {
  mode: 'tokens',
  apiKeys: { keys: [{ name: 'a', sha256: '0'.repeat(64), roles: ['A'] }] },
};
const MODELS: [string, unknown, RegExp][] = [
  [
    'an index over several',
    specOf({ indexes: [{ fields: ['other', 'secret'] }] }, [ID, SECRET, OTHER]),
    /"secret" is encrypted: no index holds its values/,
  ],
  [
    'where of an index',
    specOf({ indexes: [{ fields: ['other'], where: 'has(self.secret)' }] }, [ID, SECRET, OTHER]),
    READS,
  ],
  ['a rule', specOf({ rules: [{ expr: 'self.secret != "x"', message: 'no' }] }), READS],
  ['a rule on what was', specOf({ rules: [{ expr: 'old.secret != "x"', message: 'no' }] }), READS],
  [
    'a computed field',
    specOf({}, [ID, SECRET, { name: 'c', type: 'string', computed: 'self.secret' }]),
    READS,
  ],
  ['ttl', specOf({ lifecycle: { ttl: { field: 'secret' } } }, [ID, MOMENT]), /cannot expire by it/],
  [
    'a key that is made',
    specOf({}, [
      { ...ID, template: '{secret}-x' },
      { ...SECRET, required: true, immutable: true },
    ]),
    /secret is encrypted: keys stand in plain/,
  ],
  [
    'consistency eventual',
    specOf({ persistence: { consistency: 'eventual' } }),
    /consistency eventual excludes encrypted: the leader encrypts/,
  ],
  [
    'the owner',
    specOf({ permissions: { read: ['Owner'], owner: 'secret' } }, [ID, SECRET], TOKENS),
    /the owner is encrypted/,
  ],
  [
    'publicIf',
    specOf({ permissions: { publicIf: 'self.secret == "x"' } }, undefined, TOKENS),
    READS,
  ],
  [
    'rules for rows',
    specOf(
      {
        permissions: {
          rows: [{ operations: ['read'], roles: ['A'], using: 'self.secret == actor.id' }],
        },
      },
      undefined,
      TOKENS,
    ),
    READS,
  ],
];
for (const [what, spec, message] of MODELS) {
  test(`nothing looks at an encrypted field: not ${what}`, () => {
    assert.match(problemsOf(spec).join('\n'), message);
  });
}

test('a field can be added encrypted, and does not become it, or stop being it', () => {
  const none = schemaOf();
  const sealed = schemaOf(SECRET);
  const plain = schemaOf({ ...SECRET, encrypted: false });
  assert.deepEqual(compareSchemas(none, sealed).changes, ['Note.secret is new']);
  assert.equal(compareSchemas(none, sealed).kind, 'additive');
  const becomes = compareSchemas(plain, sealed);
  assert.equal(becomes.kind, 'breaking');
  assert.deepEqual(
    becomes.reasons.map(({ path, code }) => `${path} ${code}`),
    ['models[0].fields[1].encrypted encryption_changed'],
  );
  assert.match(becomes.reasons[0]?.message ?? '', /secret becomes encrypted.*add another field/);
  assert.match(compareSchemas(sealed, plain).reasons[0]?.message ?? '', /is no longer encrypted/);
});

test('a field with a default is not added encrypted: apply would have to encrypt', () => {
  const { kind, reasons } = compareSchemas(schemaOf(), schemaOf({ ...SECRET, default: 'x' }));
  assert.equal(kind, 'breaking');
  assert.equal(reasons[0]?.code, 'encryption_changed');
  assert.match(reasons[0]?.message ?? '', /every row would have to be encrypted anew/);
  const later = compareSchemas(schemaOf(SECRET), schemaOf({ ...SECRET, default: 'x' }));
  assert.equal(later.kind, 'additive');
});

test('the key that the cluster made is no difference to a file, and one of its own to the cluster', () => {
  const said = schemaOf(SECRET);
  const fieldKey = { id: 'ab', masterKey: 1, salt: 's', check: 'c', wrapped: 'w' };
  const keyed = { ...said, fieldKey };
  assert.equal(schemaFingerprint(keyed), schemaFingerprint(said));
  assert.equal(compareSchemas(keyed, said).kind, 'same');
  assert.equal(compareSchemas(keyed, keyed).kind, 'same');
  const renewed = { ...keyed, fieldKey: { ...fieldKey, masterKey: 2, wrapped: 'x' } };
  assert.deepEqual(compareSchemas(keyed, renewed), {
    kind: 'additive',
    changes: ['the key of encrypted fields is wrapped by master key 2'],
    reasons: [],
  });
});
