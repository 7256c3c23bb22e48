import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FieldType, JsonValue, ValueSchema } from '@lithair/crds';
import fc from 'fast-check';
import {
  canonicalDecimal,
  canonicalize,
  canonicalizeText,
  compareDecimals,
  compareValues,
  dateOf,
  datetimeOf,
  ExactNumber,
  idOfKey,
  indexKey,
  isUuid,
  keyOfId,
  targetSchema,
  uuidV7,
} from './index.ts';

const of = (type: FieldType, more: Partial<ValueSchema> = {}): ValueSchema => ({
  type,
  nullable: false,
  ...more,
});

const exact = (source: string) => new ExactNumber(source);

function reads(type: FieldType, value: JsonValue | ExactNumber) {
  const reading = canonicalize(of(type, { values: ['draft', 'live'] }), value);
  return reading.ok ? reading.value : reading.code;
}

function read(type: FieldType, text: string) {
  const reading = canonicalizeText(of(type), text);
  return reading.ok ? reading.value : reading.code;
}

const sign = (difference: number) => Math.sign(difference);

/** Signed digits and a scale: the decimal's value is digits / 10^scale, exactly. */
const decimal = fc
  .tuple(
    fc.boolean(),
    fc.oneof(
      fc.bigInt({ min: 0n, max: 200n }),
      fc.bigInt({ min: 0n, max: 10n ** 20n }),
      fc.bigInt({ min: 0n, max: 10n ** 64n - 1n }),
    ),
    fc.nat(40),
  )
  .map(([negative, digits, scale]) => {
    const padded = digits.toString().padStart(scale + 1, '0');
    const whole = padded.slice(0, padded.length - scale);
    const text = scale === 0 ? whole : `${whole}.${padded.slice(padded.length - scale)}`;
    const signed = negative && digits !== 0n;
    return {
      text: signed ? `-${text}` : text,
      scaled: (signed ? -digits : digits) * 10n ** BigInt(40 - scale),
    };
  });

describe('decimals', () => {
  const readings: [string | number | ExactNumber, string][] = [
    ['12.50', '12.50'],
    [exact('12.50'), '12.50'],
    [12.5, '12.5'],
    [exact('1e2'), '100'],
    [exact('1.50e1'), '15.0'],
    [exact('1.5E-3'), '0.0015'],
    ['-0', '0'],
    ['-0.00', '0.00'],
    ['+5', '5'],
    ['007.10', '7.10'],
    [1e-7, '0.0000001'],
    [1e21, '1000000000000000000000'],
    ['12345678901234567890.123456789', '12345678901234567890.123456789'],
    ['9'.repeat(64), '9'.repeat(64)],
    [`0.${'1'.repeat(64)}`, `0.${'1'.repeat(64)}`],
  ];
  for (const [given, canonical] of readings) {
    const shown = given instanceof ExactNumber ? given.source : JSON.stringify(given);
    it(`reads ${shown} as ${canonical}`, () => assert.equal(reads('decimal', given), canonical));
  }

  const refusals: [JsonValue | ExactNumber, string][] = [
    ['', 'invalid_number'],
    ['.5', 'invalid_number'],
    ['5.', 'invalid_number'],
    ['1,5', 'invalid_number'],
    [' 1', 'invalid_number'],
    ['NaN', 'invalid_number'],
    ['0x10', 'invalid_number'],
    ['9'.repeat(65), 'too_many_digits'],
    [exact('1e64'), 'too_many_digits'],
    [exact('1e999999999'), 'too_many_digits'],
    [exact(`1e-${'9'.repeat(500)}`), 'too_many_digits'],
    [true, 'invalid_type'],
    [null, 'invalid_type'],
    [['1'], 'invalid_type'],
  ];
  for (const [given, code] of refusals) {
    const shown = JSON.stringify(given).slice(0, 30);
    it(`refuses ${shown} with ${code}`, () => assert.equal(reads('decimal', given), code));
  }

  it('are canonical already when written out', () => {
    fc.assert(
      fc.property(decimal, ({ text }) => {
        const reading = canonicalDecimal(text);
        if (!reading.ok) return text.replace(/\D/g, '').length > 64;
        return reading.value === text;
      }),
    );
  });

  it('compare as the exact numbers that they are', () => {
    fc.assert(
      fc.property(decimal, decimal, (a, b) => {
        const expected = a.scaled < b.scaled ? -1 : a.scaled > b.scaled ? 1 : 0;
        assert.equal(sign(compareDecimals(a.text, b.text)), expected);
        assert.equal(sign(compareValues(of('decimal'), a.text, b.text)), expected);
      }),
      { numRuns: 2000 },
    );
  });

  it('have keys in the order of the exact numbers, and equal keys for equal numbers', () => {
    fc.assert(
      fc.property(decimal, decimal, (a, b) => {
        const aKey = indexKey(of('decimal'), a.text);
        const bKey = indexKey(of('decimal'), b.text);
        assert.equal(aKey < bKey, a.scaled < b.scaled);
        assert.equal(aKey === bKey, a.scaled === b.scaled);
      }),
      { numRuns: 4000 },
    );
  });

  it('are ordered where one begins like another, below zero too', () => {
    const magnitudes = ['1', '1.2', '1.21', '12', '12.3', '12.34', '12.345', '120', '1200', '1201'];
    const negative = magnitudes.toReversed().map((text) => `-${text}`);
    assertOrdered(of('decimal'), [null, ...negative, '0', ...magnitudes]);
  });

  it('keep the order of neighbours that differ in the last of 64 digits', () => {
    const low = `-0.${'1'.repeat(63)}2`;
    const high = `-0.${'1'.repeat(63)}1`;
    assert.ok(indexKey(of('decimal'), low) < indexKey(of('decimal'), high));
    assert.equal(indexKey(of('decimal'), '1.0'), indexKey(of('decimal'), '1.00'));
  });
});

describe('integers', () => {
  it('are numbers as long as they are safe, then strings of digits', () => {
    assert.equal(reads('integer', 42), 42);
    assert.equal(reads('integer', exact('9007199254740993')), '9007199254740993');
    assert.equal(reads('integer', '9007199254740993'), '9007199254740993');
    assert.equal(reads('integer', 2 ** 60), '1152921504606846976'.replace('6976', '7000'));
    assert.equal(reads('integer', exact('5.0')), 5);
    assert.equal(reads('integer', exact('1e3')), 1000);
    assert.ok(Object.is(reads('integer', -0), 0));
  });
  it('refuse fractions, small numbers in strings and other types', () => {
    assert.equal(reads('integer', 1.5), 'invalid_type');
    assert.equal(reads('integer', '5'), 'invalid_type');
    assert.equal(reads('integer', 'abc'), 'invalid_number');
    assert.equal(reads('integer', false), 'invalid_type');
    assert.equal(reads('integer', '9'.repeat(65)), 'too_many_digits');
  });
  it('are ordered across both of their forms', () => {
    const ordered: JsonValue[] = [null, '-9007199254740993', -2, -1, 0, 9, 10, '9007199254740992'];
    assertOrdered(of('integer'), ordered);
  });
});

describe('numbers', () => {
  it('are doubles, and -0 is 0', () => {
    assert.equal(reads('number', 1.5), 1.5);
    assert.equal(reads('number', exact('12.50')), 12.5);
    assert.equal(reads('number', exact('1E2')), 100);
    assert.ok(Object.is(reads('number', -0), 0));
    assert.ok(Object.is(reads('number', exact('-0.0')), 0));
    assert.equal(indexKey(of('number'), -0), indexKey(of('number'), 0));
  });
  it('are refused where a double would round them', () => {
    assert.equal(reads('number', exact('0.10000000000000000001')), 'not_representable');
    assert.equal(reads('number', exact('9007199254740993')), 'not_representable');
    assert.equal(reads('number', exact('1e400')), 'not_representable');
    assert.equal(reads('number', exact('1e-400')), 'not_representable');
    assert.equal(reads('number', '1.5'), 'invalid_type');
  });
  it('have keys in numeric order', () => {
    const double = fc.double({ noNaN: true, noDefaultInfinity: true });
    fc.assert(
      fc.property(double, double, (a, b) => {
        const aKey = indexKey(of('number'), a);
        const bKey = indexKey(of('number'), b);
        assert.equal(aKey < bKey, a < b);
        assert.equal(aKey === bKey, a === b);
      }),
      { numRuns: 4000 },
    );
  });
});

describe('dates and date-times', () => {
  it('are those of the calendar', () => {
    assert.equal(reads('date', '2024-02-29'), '2024-02-29');
    for (const bad of ['2023-02-29', '1900-02-29', '2024-13-01', '2024-00-10', '2024-04-31']) {
      assert.equal(reads('date', bad), 'invalid_date');
    }
    assert.equal(reads('date', 'Jun 12 1998'), 'invalid_date');
    assert.equal(reads('date', 19980612), 'invalid_type');
  });
  it('are given in UTC with the fraction that was written', () => {
    assert.equal(reads('datetime', '2024-03-01T00:30:00+01:00'), '2024-02-29T23:30:00Z');
    assert.equal(reads('datetime', '2024-02-29t12:00:00.5z'), '2024-02-29T12:00:00.5Z');
    assert.equal(reads('datetime', '2024-02-29T12:00:00.120-00:00'), '2024-02-29T12:00:00.120Z');
    assert.equal(reads('datetime', '2024-02-29T12:00:00.123000Z'), '2024-02-29T12:00:00.123Z');
    assert.equal(reads('datetime', '0001-01-01T00:00:00Z'), '0001-01-01T00:00:00Z');
  });
  it('are refused with a reason where they are not exact', () => {
    const bad = [
      '2024-02-30T12:00:00Z',
      '2024-02-29 12:00:00Z',
      '2024-02-29T12:00:00',
      '2024-02-29T24:00:00Z',
      '2024-02-29T23:59:60Z',
      '2024-02-29T12:00:00.1234Z',
      '2024-02-29T12:00:00+25:00',
      '0000-01-01T00:00:00+00:01',
    ];
    for (const text of bad) assert.equal(reads('datetime', text), 'invalid_datetime', text);
  });
  it('are ordered by instant', () => {
    const ordered = [
      '2024-02-29T12:00:00Z',
      '2024-02-29T12:00:00.001Z',
      '2024-02-29T12:00:00.01Z',
      '2024-02-29T12:00:01Z',
    ];
    assertOrdered(of('datetime'), [null, ...ordered]);
    const field = of('datetime');
    assert.equal(compareValues(field, '2024-02-29T12:00:00.00Z', '2024-02-29T12:00:00Z'), 0);
    assert.equal(compareValues(field, '2024-02-29T12:00:00.10Z', '2024-02-29T12:00:00.1Z'), 0);
  });
  it('can be made from an instant', () => {
    assert.equal(dateOf(Date.UTC(2024, 1, 29, 23)), '2024-02-29');
    assert.equal(datetimeOf(Date.UTC(2024, 1, 29, 23)), '2024-02-29T23:00:00.000Z');
  });
});

describe('texts, enums, booleans and uuids', () => {
  it('are kept as they stand', () => {
    assert.equal(reads('string', 'a\u0000é'), 'a\u0000é');
    assert.equal(reads('enum', 'live'), 'live');
    assert.equal(reads('boolean', false), false);
    assert.equal(reads('reference', 'B-1'), 'B-1');
  });
  it('are refused where they are of another type', () => {
    assert.equal(reads('string', 5), 'invalid_type');
    assert.equal(reads('text', null), 'invalid_type');
    assert.equal(reads('enum', 'gone'), 'not_in_values');
    assert.equal(reads('enum', 3), 'invalid_type');
    assert.equal(reads('boolean', 'true'), 'invalid_type');
    assert.equal(reads('boolean', 0), 'invalid_type');
    assert.equal(reads('string', exact('12.50')), 'invalid_type');
  });
  it('refuse half a surrogate pair', () => {
    assert.equal(reads('string', '\ud83d'), 'invalid_unicode');
    assert.equal(reads('string', '😀'), '😀');
  });
  it('order null, then the empty text, then by code unit', () => {
    assertOrdered(of('string'), [null, '', '\u0000', '\u0000a', '\u0001', 'A', 'a', 'aa', 'é']);
    assertOrdered(of('boolean'), [null, false, true]);
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
        const [aKey, bKey] = [indexKey(of('string'), a), indexKey(of('string'), b)];
        assert.equal(aKey < bKey, a < b);
        assert.equal(aKey === bKey, a === b);
        assert.ok(aKey !== '');
      }),
    );
  });
  it('write uuids in lower case', () => {
    const upper = '018F4E6C-5B7A-7C3D-9E8F-0A1B2C3D4E5F';
    assert.equal(reads('uuid', upper), upper.toLowerCase());
    assert.equal(reads('uuid', '018F4E6C5B7A7C3D9E8F0A1B2C3D4E5F'), 'invalid_uuid');
    assert.equal(reads('uuid', `${upper}0`), 'invalid_uuid');
    assert.equal(reads('uuid', 7), 'invalid_type');
  });
  it('give back the id that a key stands for', () => {
    for (const id of ['a', '\u0000', '\u0000a', 'é']) assert.equal(idOfKey(keyOfId(id)), id);
    assert.equal(keyOfId('B-1'), indexKey(of('reference'), 'B-1'));
  });
  it('have no order for arrays and objects', () => {
    assert.throws(() => indexKey(of('array'), []), TypeError);
    assert.throws(() => canonicalize(of('object'), {}), TypeError);
  });
});

describe('generated uuids', () => {
  it('hold the time, the version and the variant', () => {
    const id = uuidV7(0x018f4e6c5b7a, new Uint8Array(10).fill(0xff));
    assert.equal(id, '018f4e6c-5b7a-7fff-bfff-ffffffffffff');
    assert.ok(isUuid(id));
    assert.equal(uuidV7(0, new Uint8Array(10)), '00000000-0000-7000-8000-000000000000');
  });
  it('sort by time', () => {
    const random = new Uint8Array(10).fill(0x9a);
    assert.ok(uuidV7(1_700_000_000_000, random) < uuidV7(1_700_000_000_001, random));
  });
  it('refuse a time or randomness that does not do', () => {
    assert.throws(() => uuidV7(-1, new Uint8Array(10)), RangeError);
    assert.throws(() => uuidV7(1, new Uint8Array(9)), RangeError);
  });
});

describe('values from plain text', () => {
  it('are read by the type of the field', () => {
    assert.equal(read('decimal', '10.0'), '10.0');
    assert.equal(read('integer', '10'), 10);
    assert.equal(read('integer', '007'), 'invalid_number');
    assert.equal(read('number', '1.50'), 1.5);
    assert.equal(read('number', ''), 'invalid_number');
    assert.equal(read('boolean', 'true'), true);
    assert.equal(read('boolean', '1'), 'invalid_type');
    assert.equal(read('string', '10'), '10');
  });
  it('of a reference are keys of the model that it points to', () => {
    const id = {
      ...of('uuid'),
      name: 'id',
      required: false,
      immutable: true,
      unique: false,
      index: 'none' as const,
    };
    const brand = { name: 'Brand', path: '/api/brands', primaryKey: 'id', fields: [id] };
    const store = { snapshotEvery: 1, batchSize: 1, syncMode: 'group' as const };
    const field = of('reference', { to: 'Brand' });
    assert.equal(targetSchema({ models: [brand], store }, field), id);
    assert.throws(() => targetSchema({ models: [], store }, field), TypeError);
  });
});

function assertOrdered(field: ValueSchema, values: readonly JsonValue[]): void {
  for (const [i, a] of values.entries()) {
    for (const [j, b] of values.entries()) {
      const [aKey, bKey] = [indexKey(field, a), indexKey(field, b)];
      const shown = JSON.stringify([a, b]);
      assert.equal(sign(compareValues(field, a, b)), sign(i - j), shown);
      assert.equal(aKey < bKey ? -1 : aKey > bKey ? 1 : 0, sign(i - j), `keys of ${shown}`);
    }
  }
}
