import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  compareSchemas,
  compileSchema,
  computedFields,
  type JsonValue,
  type Schema,
  validateSpec,
} from './index.ts';

type Field = { [attribute: string]: JsonValue };

const FIELDS: Field[] = [
  { name: 'id', type: 'uuid', primaryKey: true },
  { name: 'price', type: 'decimal' },
  { name: 'units', type: 'integer' },
  { name: 'ratio', type: 'number' },
  { name: 'name', type: 'string' },
  { name: 'from', type: 'date' },
  { name: 'secret', type: 'string', hidden: true },
];

function specOf(...fields: Field[]): unknown {
  return { auth: { mode: 'open' }, models: [{ name: 'Offer', fields: [...FIELDS, ...fields] }] };
}

function schemaOf(...fields: Field[]): Schema {
  const result = validateSpec(specOf(...fields));
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return compileSchema(result.value);
}

function valueOf(field: Field, row: { [name: string]: JsonValue }): JsonValue {
  const [model] = schemaOf({ name: 'made', ...field }).models;
  const [made] = model === undefined ? [] : computedFields(model);
  return made?.computation.valueOf(row) ?? null;
}

const ROW = { price: '9.90', units: 3, ratio: 0.5, name: 'Tea', from: '2026-01-31' };

const VALUES: [string, string, JsonValue][] = [
  ['decimal', 'self.price * self.units', '29.70'],
  ['integer', 'self.units + 1', 4],
  ['integer', 'self.units * 9007199254740991', '27021597764222973'],
  ['number', 'self.ratio * 3.0', 1.5],
  ['number', 'self.ratio / 0.0', null],
  ['string', 'self.name.lowerAscii() + "-" + string(self.units)', 'tea-3'],
  ['text', 'self.name', 'Tea'],
  ['boolean', 'self.units > 2', true],
  ['date', 'self.from + duration("36h")', '2026-02-01'],
  ['datetime', 'self.from + duration("36h")', '2026-02-01T12:00:00.000Z'],
  ['integer', 'self.units / 0', null],
  ['integer', 'has(self.units) ? self.units : 0', 3],
  ['date', 'self.from + duration("90000000h")', null],
];

for (const [type, computed, value] of VALUES) {
  test(`${computed} is ${JSON.stringify(value)} as ${type}`, () => {
    assert.deepEqual(valueOf({ type, computed }, ROW), value);
  });
}

test('what reads a field without a value has none, unless it asks has() first', () => {
  const row = { ...ROW, units: null };
  assert.equal(valueOf({ type: 'integer', computed: 'self.units + 1' }, row), null);
  const guarded = 'has(self.units) ? self.units + 1 : 0';
  assert.equal(valueOf({ type: 'integer', computed: guarded }, row), 0);
});

test('a value that the enum does not list is none', () => {
  const field = { type: 'enum', values: ['few', 'many'] };
  const computed = 'self.units > 5 ? "many" : self.units > 1 ? "few" : "none"';
  const values = [9, 3, 1].map((units) => valueOf({ ...field, computed }, { units }));
  assert.deepEqual(values, ['many', 'few', null]);
});

test('a text that would be longer than any field is none', () => {
  const computed = 'self.name + self.name';
  const row = { name: 'x'.repeat(40_000) };
  assert.equal(valueOf({ type: 'string', computed }, row), null);
});

test('a computed field follows those that it reads, wherever they stand', () => {
  const schema = schemaOf(
    { name: 'gross', type: 'decimal', computed: 'self.net + decimal("0.01")' },
    { name: 'net', type: 'decimal', computed: 'self.price * 2' },
  );
  const names = schema.models.flatMap((model) => computedFields(model).map(({ name }) => name));
  assert.deepEqual(names, ['net', 'gross']);
});

const REFUSED: [string, Field[], RegExp][] = [
  ['another type', [{ type: 'integer', computed: 'self.price' }], /must be of type int, .*decimal/],
  ['no such field', [{ type: 'integer', computed: 'self.cout' }], /there is no field cout/],
  ['the caller', [{ type: 'string', computed: 'actor.id' }], /cannot speak of actor/],
  ['the row before', [{ type: 'integer', computed: 'old.count' }], /cannot speak of old/],
  ['itself', [{ type: 'integer', computed: 'self.made + 1' }], /made is computed of itself/],
  [
    'itself by way of another',
    [
      { type: 'integer', computed: 'self.other + 1' },
      { name: 'other', type: 'integer', computed: 'self.made + 1' },
    ],
    /made is computed of itself/,
  ],
  ['a hidden field', [{ type: 'string', computed: 'self.secret' }], /reads "secret", which is hid/],
  ['an array', [{ type: 'array', items: { type: 'string' }, computed: '[]' }], /does not apply/],
  ['a default', [{ type: 'integer', computed: '1', default: 2 }], /computed excludes default/],
  ['required', [{ type: 'integer', computed: '1', required: true }], /computed excludes required/],
];

for (const [what, [first, ...others], message] of REFUSED) {
  test(`a computed field is refused for ${what}`, () => {
    const result = validateSpec(specOf({ name: 'made', ...first }, ...others));
    assert.ok(!result.ok);
    assert.match(result.problems[0]?.message ?? '', message);
  });
}

test('who may write a computed field is not asked', () => {
  const permissions = { write: ['Manager'] };
  const field = { name: 'made', type: 'integer', computed: '1', permissions };
  const result = validateSpec(specOf(field));
  assert.ok(!result.ok);
  assert.ok(result.problems.some(({ message }) => message === 'nobody writes a computed field'));
});

const made = (computed: string | null, more: Field = {}) => ({
  name: 'made',
  type: 'integer',
  ...(computed !== null && { computed }),
  ...more,
});

test('a computed field that is new, other or no longer computed changes rows, and loses nothing', () => {
  const [none, one, two, sent] = [
    schemaOf(),
    schemaOf(made('self.units')),
    schemaOf(made('self.units + 1')),
    schemaOf(made(null)),
  ];
  assert.deepEqual(compareSchemas(none, one).changes, ['Offer.made is new']);
  assert.equal(compareSchemas(none, one).kind, 'additive');
  assert.deepEqual(compareSchemas(one, two), {
    kind: 'additive',
    changes: ['Offer.made is computed in another way'],
    reasons: [],
  });
  assert.equal(compareSchemas(one, sent).kind, 'additive');
});

test('values that were sent are not computed away, and unique ones not made anew', () => {
  const pairs = [
    [schemaOf(made(null)), schemaOf(made('self.units'))],
    [schemaOf(), schemaOf(made('self.units', { unique: true }))],
    [schemaOf(made('1', { unique: true })), schemaOf(made('2', { unique: true }))],
  ] as const;
  for (const [old, next] of pairs) {
    const { kind, reasons } = compareSchemas(old, next);
    assert.equal(kind, 'breaking');
    assert.equal(reasons[0]?.code, 'computed_changed');
  }
});

test('rows are not brought into a unique index by another way to compute what it is of', () => {
  const email = { name: 'email', type: 'string' };
  const withIndex = (computed: string, index: object) => {
    const result = validateSpec({
      auth: { mode: 'open' },
      models: [
        {
          name: 'Offer',
          fields: [...FIELDS, made(computed, { type: 'boolean' }), email],
          indexes: [{ fields: ['email'], where: 'self.made', ...index }],
        },
      ],
    });
    if (!result.ok) throw new Error(JSON.stringify(result.problems));
    return compileSchema(result.value);
  };
  const compared = (index: object) =>
    compareSchemas(withIndex('self.units > 5', index), withIndex('self.units > 1', index));
  for (const unique of ['live', 'forever']) {
    const { kind, reasons } = compared({ unique });
    assert.equal(kind, 'breaking');
    assert.equal(reasons[0]?.code, 'computed_changed');
  }
  const plain = { fields: ['email', 'units'] };
  assert.equal(compared(plain).kind, 'additive');
});

test('what is computed of a computed field changes with it', () => {
  const other = { name: 'other', type: 'integer', computed: 'self.made * 2' };
  const { changes } = compareSchemas(
    schemaOf(made('self.units'), other),
    schemaOf(made('self.units + 1'), other),
  );
  assert.deepEqual(changes, [
    'Offer.made is computed in another way',
    'Offer.other is computed in another way',
  ]);
});

test('an enum that lists other values is computed in another way, and what is computed of it', () => {
  const computed = 'self.units > 5 ? "many" : self.units > 1 ? "few" : "none"';
  const withValues = (values: string[], more: Field = {}) =>
    schemaOf(
      { name: 'other', type: 'string', computed: 'self.made + "!"' },
      { name: 'made', type: 'enum', values, computed, ...more },
    );
  const { kind, changes } = compareSchemas(
    withValues(['few', 'many']),
    withValues(['few', 'many', 'none']),
  );
  assert.equal(kind, 'additive');
  assert.deepEqual(changes, [
    'Offer.made: the value none is new',
    'Offer.other is computed in another way',
    'Offer.made is computed in another way',
  ]);
  const [old, next] = [['few'], ['few', 'none']].map((v) => withValues(v, { unique: true }));
  assert.ok(old && next);
  assert.equal(compareSchemas(old, next).reasons[0]?.code, 'computed_changed');
  const turned = compareSchemas(withValues(['few', 'many']), withValues(['many', 'few']));
  assert.deepEqual(turned.changes, ['the order of models, fields or values']);
});

test('a field that becomes computed is told from another one that is read beside it', () => {
  const sum = { name: 'sum', type: 'integer', computed: 'self.a + self.b' };
  const [first, second] = [
    schemaOf(sum, { name: 'a', type: 'integer', computed: '1' }, { name: 'b', type: 'integer' }),
    schemaOf(sum, { name: 'a', type: 'integer' }, { name: 'b', type: 'integer', computed: '1' }),
  ];
  const { changes } = compareSchemas(first, second);
  assert.ok(changes.includes('Offer.sum is computed in another way'));
});

/** Two fields on each level, which both read the two of the level below. */
function levels(first: string): Schema {
  const fields = Array.from({ length: 96 }, (_, level) =>
    ['a', 'b'].map((side) => ({
      name: `${side}${level}`,
      type: 'string',
      computed: level === 0 ? first : `self.a${level - 1} + self.b${level - 1}`,
    })),
  );
  return schemaOf(...fields.flat());
}

test('many levels of fields that each read the level below twice are compared all the same', () => {
  const { kind, changes } = compareSchemas(levels('self.name'), levels('"-"'));
  assert.equal(kind, 'additive');
  assert.equal(changes.length, 192);
  assert.equal(compareSchemas(levels('"-"'), levels('"-"')).kind, 'same');
});
