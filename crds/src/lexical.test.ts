import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  compareDecimals,
  decimalOf,
  isDate,
  isDatetime,
  isDecimal,
  isUuid,
  textLength,
} from './lexical.ts';
import { defaultPath } from './plural.ts';

const check = (accepts: (text: string) => boolean, good: string[], bad: string[]) => {
  for (const text of good) assert.ok(accepts(text), text);
  for (const text of bad) assert.ok(!accepts(text), text);
};

test('a decimal is digits with an optional sign and fraction', () => {
  check(
    isDecimal,
    ['0', '-1', '0.10', '12345678901234567890.12', '9'.repeat(64), `0.${'9'.repeat(64)}`],
    ['', '+1', '01', '1.', '.5', '1e3', ' 1', 'NaN', '1,5', '9'.repeat(65), '-0', '-0.00'],
  );
});

test('a date is a day of the calendar', () => {
  check(
    isDate,
    ['2024-02-29', '2000-02-29', '0001-01-01', '9999-12-31'],
    ['2023-02-29', '1900-02-29', '2024-13-01', '2024-00-10', '2024-04-31', '2024-1-1', '20240101'],
  );
});

test('a datetime is in UTC, to the millisecond', () => {
  check(
    isDatetime,
    ['2024-02-29T23:59:59Z', '2024-01-01T00:00:00.123Z'],
    [
      '2024-01-01T00:00:00',
      '2024-01-01T00:00:00+01:00',
      '2024-01-01T00:00:00.1234Z',
      '2024-01-01 00:00:00Z',
      '2024-01-01T24:00:00Z',
      '2023-02-29T00:00:00Z',
    ],
  );
});

test('a uuid is written in 36 characters', () => {
  const uuid = '01890a5d-ac96-774b-bcce-b302099a8057';
  check(isUuid, [uuid], [uuid.toUpperCase(), uuid.replaceAll('-', ''), `{${uuid}}`, `${uuid}0`]);
});

test('length counts code points', () => {
  assert.equal(textLength('a\u{1F600}b'), 3);
  assert.equal(textLength('\ud83d'), 1);
});

test('decimals compare as bigints scaled to the same fraction do', () => {
  const decimal = fc
    .tuple(fc.bigInt({ min: -(10n ** 25n), max: 10n ** 25n }), fc.nat(12))
    .map(([digits, scale]) => ({ digits, scale, text: shift(digits, scale) }));
  fc.assert(
    fc.property(decimal, decimal, (a, b) => {
      const [x, y] = [
        a.digits * 10n ** BigInt(12 - a.scale),
        b.digits * 10n ** BigInt(12 - b.scale),
      ];
      assert.equal(compareDecimals(a.text, b.text), x < y ? -1 : x > y ? 1 : 0);
    }),
  );
});

function shift(digits: bigint, scale: number): string {
  const text = String(digits < 0n ? -digits : digits).padStart(scale + 1, '0');
  const fraction = scale === 0 ? '' : `.${text.slice(-scale)}`;
  return `${digits < 0n ? '-' : ''}${text.slice(0, text.length - scale)}${fraction}`;
}

test('a number written as a decimal is the same number', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      const text = decimalOf(value);
      assert.match(text, /^-?[0-9]+(\.[0-9]+)?$/);
      assert.equal(Number(text), value === 0 ? 0 : value);
    }),
  );
});

const PATHS: [string, string][] = [
  ['Product', '/api/products'],
  ['Category', '/api/categories'],
  ['Day', '/api/days'],
  ['Address', '/api/addresses'],
  ['Box', '/api/boxes'],
  ['Branch', '/api/branches'],
  ['Person', '/api/people'],
  ['Series', '/api/series'],
  ['Analysis', '/api/analyses'],
  ['Status', '/api/statuses'],
  ['ProductCategory', '/api/product-categories'],
  ['HTTPServerLog', '/api/http-server-logs'],
  ['OrderV2', '/api/order-v2s'],
  ['Photo', '/api/photos'],
  ['Leaf', '/api/leaves'],
  ['SalesPerson', '/api/sales-people'],
];

for (const [model, path] of PATHS) {
  test(`${model} is served at ${path}`, () => assert.equal(defaultPath(model), path));
}
