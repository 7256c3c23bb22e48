import { accept, type Reading, refuse } from './errors.ts';

/** Most digits of a decimal or integer in canonical form, a lone zero before the point apart. */
export const MAX_DIGITS = 64;

/** Longest text worth reading: all digits, sign, point and an exponent, with room to spare. */
const MAX_SOURCE_LENGTH = 160;
const MAX_EXPONENT = 999;

const PLAIN = /^(?:0|-?[1-9][0-9]{0,31})(?:\.[0-9]{1,31})?$/;
const GENERAL = /^([+-]?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?$/;

/**
 * Reads a decimal from its text, never through a double. The scale stays as written: `12.50` is
 * `12.50`; an exponent is written out (`1e2` is `100`, `1.50e1` is `15.0`); there is no plus
 * sign, no leading zero and no minus before zero.
 */
export function canonicalDecimal(source: string): Reading<string> {
  if (PLAIN.test(source)) return accept(source);
  const tooLong = 'must have at most 64 digits';
  if (source.length > MAX_SOURCE_LENGTH) return refuse('too_many_digits', tooLong);
  const parts = GENERAL.exec(source);
  if (parts === null) return refuse('invalid_number', 'must be a decimal number such as 12.50');
  const [, sign, whole = '', fraction = '', exponent = '0'] = parts;
  const shift = Number(exponent);
  if (Math.abs(shift) > MAX_EXPONENT) return refuse('too_many_digits', tooLong);
  const plain = shiftPoint(whole, fraction, shift);
  if (plain.digits > MAX_DIGITS) return refuse('too_many_digits', tooLong);
  return accept(sign === '-' && /[1-9]/.test(plain.text) ? `-${plain.text}` : plain.text);
}

function shiftPoint(whole: string, fraction: string, shift: number) {
  const digits = whole + fraction;
  const point = whole.length + shift;
  const left = point <= 0 ? '' : digits.slice(0, point).padEnd(point, '0');
  const right = point >= digits.length ? '' : digits.slice(Math.max(point, 0));
  const tail = point < 0 ? '0'.repeat(-point) + right : right;
  const head = left.replace(/^0+/, '');
  return {
    text: `${head === '' ? '0' : head}${tail === '' ? '' : `.${tail}`}`,
    digits: head.length + tail.length,
  };
}

/** The integer that a canonical decimal equals, as text; null where it has a fraction. */
export function integerText(decimal: string): string | null {
  const point = decimal.indexOf('.');
  if (point === -1) return decimal;
  for (let at = point + 1; at < decimal.length; at++) {
    if (decimal.charCodeAt(at) !== 48) return null;
  }
  return decimal.slice(0, point);
}

/** Compares two canonical decimals by value: `1.0` and `1.00` are equal. */
export function compareDecimals(a: string, b: string): number {
  if (a === b) return 0;
  const negative = a.charCodeAt(0) === 45;
  if (negative !== (b.charCodeAt(0) === 45)) return negative ? -1 : 1;
  return negative ? compareMagnitudes(b, a, 1) : compareMagnitudes(a, b, 0);
}

function compareMagnitudes(a: string, b: string, start: number): number {
  const aPoint = pointOf(a);
  const bPoint = pointOf(b);
  if (aPoint !== bPoint) return aPoint < bPoint ? -1 : 1;
  const end = Math.max(a.length, b.length);
  for (let at = start; at < end; at++) {
    const difference = digitAt(a, at) - digitAt(b, at);
    if (difference !== 0) return difference < 0 ? -1 : 1;
  }
  return 0;
}

function pointOf(decimal: string): number {
  const point = decimal.indexOf('.');
  return point === -1 ? decimal.length : point;
}

/** The digit at a position; 0 behind the end and at the point, which stands alike in both. */
function digitAt(decimal: string, at: number): number {
  if (at >= decimal.length) return 0;
  const code = decimal.charCodeAt(at);
  return code === 46 ? 0 : code - 48;
}
