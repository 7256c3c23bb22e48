import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compareDecimals, decimalOf } from '../lexical.ts';
import {
  type Bindings,
  compileExpression,
  ExpressionRefusal,
  type StoredRow,
  type TypedModel,
} from './index.ts';

const MODEL: TypedModel = {
  name: 'Booking',
  fields: [
    { name: 'id', type: 'uuid' },
    { name: 'title', type: 'string' },
    { name: 'ownerId', type: 'string' },
    { name: 'seats', type: 'integer' },
    { name: 'ratio', type: 'number' },
    { name: 'price', type: 'decimal' },
    { name: 'cost', type: 'decimal' },
    { name: 'paid', type: 'boolean' },
    { name: 'from', type: 'date' },
    { name: 'until', type: 'datetime' },
    { name: 'room', type: 'reference' },
    { name: 'tags', type: 'array', items: { type: 'string' }, maxItems: 10 },
    { name: 'notes', type: 'array', items: { type: 'string' } },
    {
      name: 'size',
      type: 'object',
      fields: [
        { name: 'width', type: 'number' },
        { name: 'parts', type: 'array', maxItems: 5, items: { type: 'integer' } },
      ],
    },
  ],
};
const ALL = ['self', 'old', 'actor'] as const;
const ACTOR = { id: 'ann', roles: ['Clerk', 'north'] };

function holds(text: string, self: StoredRow, more: Partial<Bindings> = {}): boolean {
  return compileExpression(MODEL, text, ALL).holds({ self, actor: ACTOR, ...more });
}

const ROW: StoredRow = {
  title: 'Tea',
  ownerId: 'ann',
  seats: 3,
  ratio: 0.5,
  price: '9.90',
  cost: '9.9',
  paid: true,
  from: '2026-01-31',
  until: '2026-02-01T10:00:00Z',
  room: 'r1',
  tags: ['a', 'bb'],
  size: { width: 2, parts: [1, 2] },
  old: null,
};

for (const text of [
  'self.seats > 2 && self.seats + 1 == 4',
  'self.ratio < 1 && self.ratio == 0.5 && self.ratio * 2.0 == 1.0',
  'self.price == self.cost && self.price >= 9.9 && self.price < 10',
  'self.price + self.cost == decimal("19.80")',
  'self.price * 2 - 19 > 0.79 && self.price - self.cost == 0',
  'self.from < self.until && self.until - self.from < duration("48h")',
  'self.from.getMonth() == 0 && self.until.getHours() == 10',
  'self.paid && self.title.startsWith("T") && self.title.size() == 3',
  'self.tags.all(tag, tag.size() < 3) && "bb" in self.tags',
  'self.size.width > 1.0 && self.size.parts.exists(part, part == 2)',
  'actor.id == self.ownerId && "north" in actor.roles',
  'has(self.room) && !has(self.id)',
  'self.id == "x" || self.seats == 3',
  '"old".size() == 3',
]) {
  test(`holds: ${text}`, () => assert.equal(holds(text, ROW), true));
}

test('a field without a value makes what needs it not hold, unless has() is asked first', () => {
  const row = { ...ROW, until: null };
  assert.equal(holds('self.from < self.until', row), false);
  assert.equal(holds('!(self.from < self.until)', row), false);
  assert.equal(holds('!has(self.until) || self.from < self.until', row), true);
  assert.equal(holds('self.title == "x"', {}), false);
});

test('the row as it was is a row of its own', () => {
  const old = { ...ROW, seats: 2 };
  assert.equal(holds('self.seats > old.seats', ROW, { old }), true);
  assert.equal(holds('self.seats > old.seats', old, { old: ROW }), false);
});

const REFUSALS: [string, RegExp][] = [
  ['self.seat > 1', /there is no field seat/],
  ['self.seats > "1"', /int > string/],
  ['self.seats', /must say true or false; this is of type int/],
  ['self.seats >', /Unexpected token/],
  ['self.in == 1', /CEL keeps in, true, false, null for itself/],
  ['has(self.null)', /CEL keeps in, true, false, null for itself/],
  ['self.title == null', /ask has\(self.field\)/],
  ['subject == "x"', /subject/],
  ['self == old', /BookingRow == BookingRow|without a field/],
  ['self["title"] == "x"', /uses self without a field/],
  ['self.title.matches("(a+)+$")', /uses matches\(\), whose time is not bounded/],
  ['cel.bind(x, self.title + self.title, x == "a")', /uses bind\(\)/],
  ['now() > self.until', /now/],
  ['self.until.getHours("Europe/Paris") == 1', /times are in UTC/],
  ['self.until.getDayOfYear() == 1', /uses getDayOfYear\(\)/],
  ['self.notes.all(n, n != "")', /a list of any length; say maxItems/],
  [
    'self.tags.all(a, self.tags.all(b, self.tags.all(c, self.tags.all(d, a + b + c == d))))',
    /could take \d+ steps/,
  ],
  [`self.title == "${'x'.repeat(5)}"${' || self.paid'.repeat(200)}`, /./],
];

for (const [text, message] of REFUSALS) {
  test(`refuses ${text.slice(0, 70)}`, () => {
    assert.throws(
      () => compileExpression(MODEL, text, ALL),
      (error: unknown) => error instanceof ExpressionRefusal && message.test(error.message),
    );
  });
}

test('an expression speaks only of what there is where it stands', () => {
  assert.throws(
    () => compileExpression(MODEL, 'actor.id == self.ownerId', ['self', 'old']),
    /cannot speak of actor; here there is self, old/,
  );
});

test('names of models and fields do not matter', () => {
  const inner = { name: 'b_c', type: 'object', fields: [{ name: 'x', type: 'integer' }] } as const;
  for (const name of ['N', 'T', 'Actor', 'Optional', 'Row', 'X'.repeat(63)]) {
    const model: TypedModel = {
      name,
      fields: [
        { name: 'a_0_b', type: 'object', fields: [{ name: 'c', type: 'string' }] },
        { name: 'a', type: 'object', fields: [inner] },
        ...['size', 'T', 'has', 'map', 'type', 'self', 'int'].map(
          (field) => ({ name: field, type: 'string' }) as const,
        ),
      ],
    };
    const text = 'self.a.b_c.x == 1 && self.T == "t" && self.size == "s" && has(self.self)';
    const self = { a: { b_c: { x: 1 } }, T: 't', size: 's', self: 'me' };
    assert.equal(compileExpression(model, text, ALL).holds({ self }), true, name);
  }
});

test('it tells which fields it reads', () => {
  const { reads } = compileExpression(
    MODEL,
    'has(self.title) && self.size.width > 1.0 && old.paid',
    ALL,
  );
  assert.deepEqual([...reads.self].sort(), ['size', 'title']);
  assert.deepEqual([...reads.old], ['paid']);
  assert.equal(reads.actor, false);
});

const LOOKUPS: [string, unknown][] = [
  ['actor.id == self.ownerId', [[{ field: 'ownerId', values: ['ann'] }]]],
  [
    'self.paid == true && self.seats == 2',
    [
      [
        { field: 'paid', values: [true] },
        { field: 'seats', values: [2] },
      ],
    ],
  ],
  ['self.room in actor.roles', [[{ field: 'room', values: ['Clerk', 'north'] }]]],
  [
    'self.title == "x" || self.ownerId == actor.id',
    [[{ field: 'title', values: ['x'] }], [{ field: 'ownerId', values: ['ann'] }]],
  ],
  ['self.title == "x" || self.seats > 1', [[{ field: 'title', values: ['x'] }], []]],
  ['!(self.title == "x")', [[]]],
  ['self.title == self.ownerId', [[]]],
  ['self.title in []', []],
  ['self.title in {"x": 1}', [[]]],
  ['self.price == decimal("1")', [[]]],
  ['self.tags.exists(tag, self.title == tag)', [[]]],
];

for (const [text, expected] of LOOKUPS) {
  test(`finds what an index can answer of ${text}`, () => {
    assert.deepEqual(compileExpression(MODEL, text, ALL).lookups(ACTOR), expected);
  });
}

test('decimals are compared and reckoned with exactly', () => {
  const cents = fc.integer({ min: -1_000_000, max: 1_000_000 });
  fc.assert(
    fc.property(cents, cents, (a, b) => {
      const [price, cost] = [a, b].map((value) => decimalOf(value / 100));
      const row = { price: price ?? '', cost: cost ?? '' };
      const order = compareDecimals(row.price, row.cost);
      assert.equal(holds('self.price < self.cost', row), order < 0);
      assert.equal(holds('self.price == self.cost', row), order === 0);
      const sum = decimalOf((a + b) / 100);
      assert.ok(holds(`self.price + self.cost == decimal("${sum === '-0' ? '0' : sum}")`, row));
      assert.ok(holds('self.price * self.cost == self.cost * self.price', row));
      assert.ok(holds('self.price - self.cost + self.cost == self.price', row));
    }),
  );
});
