import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mapRow, parseMapping, requireColumns, requireFields } from './mapping.ts';
import type { ImportTarget } from './target.ts';

const TARGET: ImportTarget = {
  model: 'Movie',
  path: '/api/movies',
  primaryKey: 'id',
  primaryKeyIsUuid: true,
  fields: new Map([
    ['year', { numeric: true, boolean: false }],
    ['seen', { numeric: false, boolean: true }],
    ['price', { numeric: false, boolean: false }],
  ]),
};

function map(
  values: Record<string, unknown>,
  mapping = parseMapping([], [], null),
  untyped = false,
) {
  return mapRow({ line: 1, number: 1, values, problem: null }, mapping, TARGET, untyped);
}

test('columns are renamed and dropped', () => {
  const mapping = parseMapping(['US Gross=usGross', 'a=b=c'], ['junk'], null);
  assert.deepEqual(map({ 'US Gross': 1, 'a=b': 2, junk: 3, kept: 4 }, mapping), {
    ok: true,
    body: '{"usGross":1,"c":2,"kept":4}',
  });
});

test('a column that is called as what every object has is sent like any other', () => {
  const values: unknown = JSON.parse('{"__proto__": 1, "constructor": 2}');
  const row = typeof values === 'object' && values !== null ? { ...values } : {};
  assert.deepEqual(map(row), { ok: true, body: '{"__proto__":1,"constructor":2}' });
});

test('two columns that become one field are refused', () => {
  const mapping = parseMapping(['a=x'], [], null);
  assert.deepEqual(map({ a: 1, x: 2 }, mapping), { ok: false, reason: 'two columns become x' });
});

test('the same key gives the same id, another key another', () => {
  const mapping = parseMapping([], [], 'title');
  const [one, again, other] = ['Up', 'Up', 'Down'].map((title) => map({ title }, mapping));
  assert.deepEqual(one, again);
  assert.notDeepEqual(one, other);
  assert.match(JSON.stringify(one), /[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-/);
});

test('a row without a value for the key is refused', () => {
  const mapping = parseMapping([], [], 'title');
  assert.deepEqual(map({ title: null }, mapping), {
    ok: false,
    reason: 'has no title to make its key from',
  });
});

test('a CSV cell takes the type of its field, and an empty one is absent', () => {
  const row = map({ year: '1999', seen: 'true', price: '1.10', note: '' }, undefined, true);
  assert.deepEqual(row, { ok: true, body: '{"year":1999,"seen":true,"price":"1.10"}' });
});

test('a CSV cell that is not of its type is left for the server to refuse', () => {
  assert.deepEqual(map({ year: 'n/a' }, undefined, true), { ok: true, body: '{"year":"n/a"}' });
});

test('a mapping that is not COLUMN=FIELD is a usage error', () => {
  assert.throws(() => parseMapping(['usGross'], [], null), /--map takes COLUMN=FIELD/);
});

test('a field that the model does not have is refused before a row is read', () => {
  assert.doesNotThrow(() => requireFields(parseMapping(['Jahr=year'], [], 'price'), TARGET));
  assert.throws(() => requireFields(parseMapping(['Jahr=yaer'], [], null), TARGET), {
    message: '--map Jahr=yaer: Movie has no field yaer (did you mean "year"?)',
  });
  assert.throws(() => requireFields(parseMapping([], [], 'title'), TARGET), {
    message: '--key: Movie has no field title',
  });
});

test('columns of a CSV file that are not there, or become no field, are refused as a whole', () => {
  const columns = ['Jahr', 'price', 'junk'];
  const check = (maps: string[], drops: string[]) =>
    requireColumns('m.csv', columns, parseMapping(maps, drops, null), TARGET);
  assert.doesNotThrow(() => check(['Jahr=year'], ['junk']));
  assert.throws(() => check(['Jar=year'], ['junk']), /m\.csv has no column Jar \(did you mean/);
  assert.throws(() => check(['Jahr=year'], ['junk', 'more']), /has no column more; it has Jahr/);
  assert.throws(
    () => check([], []),
    /Movie has no field Jahr, junk; it has year, seen, price \(--map/,
  );
});
