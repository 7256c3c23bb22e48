import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decimalPattern } from './decimal-pattern.ts';

/** In millionths, whole numbers that a double holds: what is compared is exact. */
const PLACES = 6;
const millionths = (value: number): number => Math.round(value * 10 ** PLACES);

const DIGITS = ['0', '1', '2', '3', '4', '5', '9'];
const digits = (maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...DIGITS), minLength: 1, maxLength });
const decimal = fc
  .tuple(fc.constantFrom('', '-'), digits(4), fc.option(digits(PLACES)))
  .map(([sign, whole, fraction]) => `${sign}${whole}${fraction === null ? '' : `.${fraction}`}`);
const bounds = fc
  .tuple(fc.oneof(decimal, fc.constant('-Infinity')), fc.oneof(decimal, fc.constant('Infinity')))
  .map((pair) => pair.map(Number).sort((a, b) => a - b));

test('a decimal fits its pattern exactly where it lies within the bounds', () => {
  fc.assert(
    fc.property(bounds, fc.array(decimal, { minLength: 10 }), ([low = 0, high = 0], texts) => {
      const pattern = new RegExp(decimalPattern({ minimum: low, maximum: high }), 'u');
      const near = [low, high].filter(Number.isFinite).map((value) => value.toFixed(PLACES));
      for (const text of [...texts, ...near]) {
        // Of zero, the plain way to write it has no sign where nothing negative is taken.
        if (/^-[0.]+$/.test(text)) continue;
        const value = millionths(Number(text));
        const isWithin = value >= millionths(low) && value <= millionths(high);
        assert.equal(pattern.test(text), isWithin, `${text} in [${low}, ${high}] by ${pattern}`);
      }
    }),
    { numRuns: 3000 },
  );
});

test('bounds that a double writes with an exponent are those numbers', () => {
  const small = new RegExp(decimalPattern({ minimum: 1e-7, maximum: 2.5e-7 }), 'u');
  for (const text of ['0.0000001', '0.00000025', '00.00000020']) assert.match(text, small);
  for (const text of ['0', '0.00000009', '0.000000251', '1']) assert.doesNotMatch(text, small);
});

test('what is no plain decimal of 64 digits fits none', () => {
  const any = new RegExp(decimalPattern({}), 'u');
  for (const text of ['', '.', '1.', '.5', '1e3', '--1', '1'.repeat(65), ' 1'])
    assert.doesNotMatch(text, any);
  for (const text of ['1'.repeat(64), '+0.5', '-007']) assert.match(text, any);
});
