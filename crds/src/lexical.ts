// The canonical form of the values of each type: what a default must be written in, so that it
// can be stored as it stands.

/** Most digits of a decimal, a lone zero before the point apart. */
const MAX_DECIMAL_DIGITS = 64;

const DECIMAL = /^-?(0|[1-9][0-9]*)(\.[0-9]+)?$/;
const NEGATIVE_ZERO = /^-[0.]+$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const DATE = /^([0-9]{4})-([0-9]{2})-([0-9]{2})$/;
const TIME = /^([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,3})?Z$/;

/** `-12.50`: digits with an optional sign and fraction, no exponent, no leading zeros. */
export function isDecimal(text: string): boolean {
  const digits = text.replace(/^-?(0\.)?/, '').replace('.', '').length;
  return digits <= MAX_DECIMAL_DIGITS && DECIMAL.test(text) && !NEGATIVE_ZERO.test(text);
}

/** Any UUID in the form of RFC 9562, in lower case. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/** A day of the calendar, `2024-02-29` (RFC 3339 full-date). */
export function isDate(text: string): boolean {
  const [, year, month, day] = DATE.exec(text) ?? [];
  if (year === undefined) return false;
  const days = daysIn(Number(year), Number(month));
  return Number(day) >= 1 && Number(day) <= days;
}

/** A moment in UTC, `2024-02-29T12:00:00.5Z` (RFC 3339 date-time), to the millisecond. */
export function isDatetime(text: string): boolean {
  return text[10] === 'T' && isDate(text.slice(0, 10)) && TIME.test(text.slice(11));
}

/** Length of a string in Unicode code points, which is what minLength and maxLength count. */
export function textLength(text: string): number {
  let length = 0;
  for (let i = 0; i < text.length; length++) i += (text.codePointAt(i) ?? 0) > 0xffff ? 2 : 1;
  return length;
}

/** -1, 0 or 1, exactly, for two texts that `isDecimal` accepts. */
export function compareDecimals(a: string, b: string): -1 | 0 | 1 {
  const [left, right] = [split(a), split(b)];
  if (left.sign !== right.sign) return left.sign < right.sign ? -1 : 1;
  const [low, high] = left.sign < 0 ? [right, left] : [left, right];
  if (low.whole.length !== high.whole.length) return low.whole.length < high.whole.length ? -1 : 1;
  const [lowDigits, highDigits] = [low.whole + low.fraction, high.whole + high.fraction];
  if (lowDigits === highDigits) return 0;
  return lowDigits < highDigits ? -1 : 1;
}

/** The shortest decimal text that stands for this number, without an exponent. */
export function decimalOf(value: number): string {
  const [mantissa = '', exponent] = String(value).split('e');
  if (exponent === undefined) return mantissa;
  const sign = mantissa.startsWith('-') ? '-' : '';
  const [whole = '', fraction = ''] = mantissa.replace('-', '').split('.');
  const point = whole.length + Number(exponent);
  const digits = whole + fraction;
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  const padded = digits.padEnd(point, '0');
  const rest = padded.slice(point);
  return sign + padded.slice(0, point) + (rest === '' ? '' : `.${rest}`);
}

interface Digits {
  sign: -1 | 0 | 1;
  whole: string;
  fraction: string;
}

function split(text: string): Digits {
  const [whole = '', fraction = ''] = text.replace(/^-/, '').split('.');
  const trimmed = fraction.replace(/0+$/, '');
  const isZero = /^0*$/.test(whole + trimmed);
  const sign = isZero ? 0 : text.startsWith('-') ? -1 : 1;
  return { sign, whole, fraction: trimmed };
}

function daysIn(year: number, month: number): number {
  if (month < 1 || month > 12) return 0;
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}
