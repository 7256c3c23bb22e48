/**
 * Order-preserving text of a number, for integers, doubles and decimals alike. With the value
 * written as 0.d1d2… × 10^e, d1 and the last digit not zero:
 *
 *   positive   exponent, then the digits in pairs, each as one code unit
 *   zero       one code unit between the negatives and the positives
 *   negative   the same with every code unit complemented, then the largest unit, so that of two
 *              numbers that begin alike the longer, which is the smaller, comes first
 *
 * Exponents from -24 to 36 take one unit; the units at both ends of that range announce a wider
 * one in two further units. All units are ASCII, so a key is as long in UTF-8.
 */
const ZERO = '\u0040';
const END_OF_NEGATIVE = '\u007f';
const BELOW = 0x41;
const FIRST = 0x42;
const ABOVE = 0x7f;
const MIN_EXPONENT = -24;
const MAX_EXPONENT = 36;
const WIDE_BIAS = 4096;

const UNITS = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code));

/**
 * The key of a number in decimal text, plain or as `String(double)` writes it. Equal values have
 * equal keys whatever their scale.
 */
export function numericKey(text: string): string {
  const negative = text.charCodeAt(0) === 45;
  const exponentAt = text.indexOf('e');
  const end = exponentAt === -1 ? text.length : exponentAt;
  let exponent = exponentAt === -1 ? 0 : Number(text.slice(exponentAt + 1));
  let first = -1;
  let last = -1;
  let point = end;
  for (let at = negative ? 1 : 0; at < end; at++) {
    const code = text.charCodeAt(at);
    if (code === 46) point = at;
    else if (code !== 48) {
      if (first === -1) first = at;
      last = at;
    }
  }
  if (first === -1) return ZERO;
  exponent += first < point ? point - first : point - first + 1;
  return negative
    ? exponentUnits(exponent, true) + digitUnits(text, first, last, true) + END_OF_NEGATIVE
    : exponentUnits(exponent, false) + digitUnits(text, first, last, false);
}

function exponentUnits(exponent: number, complement: boolean): string {
  if (exponent >= MIN_EXPONENT && exponent <= MAX_EXPONENT) {
    return unit(FIRST + exponent - MIN_EXPONENT, complement);
  }
  const wide = exponent + WIDE_BIAS;
  return (
    unit(exponent < 0 ? BELOW : ABOVE, complement) +
    unit((wide >> 7) & 127, complement) +
    unit(wide & 127, complement)
  );
}

function digitUnits(text: string, first: number, last: number, complement: boolean): string {
  let units = '';
  let pending = -1;
  for (let at = first; at <= last; at++) {
    const code = text.charCodeAt(at);
    if (code === 46) continue;
    if (pending === -1) {
      pending = code - 48;
      continue;
    }
    units += unit(1 + pending * 10 + code - 48, complement);
    pending = -1;
  }
  return pending === -1 ? units : units + unit(1 + pending * 10, complement);
}

/** Complemented digits stay below the end mark of negatives, because no plain one is 0. */
function unit(code: number, complement: boolean): string {
  return UNITS[complement ? 127 - code : code] ?? '';
}
