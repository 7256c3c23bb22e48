/** Bounds of a decimal, inclusive, as numbers of the model. */
export interface DecimalBounds {
  readonly minimum?: number | string;
  readonly maximum?: number | string;
}

/** A magnitude without zeros that say nothing: the digits before the point, and those behind it. */
interface Magnitude {
  readonly whole: string;
  readonly fraction: string;
}

const ANY_FRACTION = '([.][0-9]+)?';

/**
 * What is taken as the text of a decimal: the plain way to write it, without an exponent, with at most
 * 64 digits, and within the bounds.
 */
export function decimalPattern({ minimum = -Infinity, maximum = Infinity }: DecimalBounds): string {
  const [low, high] = [Number(minimum), Number(maximum)];
  if (low === -high) return `^[+-]?${between(0, high)}$`;
  const sides: string[] = [];
  if (high >= 0) sides.push(`[+]?${between(Math.max(low, 0), high)}`);
  if (low < 0) sides.push(`-${between(Math.max(-high, 0), -low)}`);
  return `^(${sides.join('|')})$`;
}

function between(low: number, high: number): string {
  const most = high === Infinity ? `[0-9]+${ANY_FRACTION}` : atMost(magnitudeOf(high));
  const least = low > 0 ? `(?=(${atLeast(magnitudeOf(low))})$)` : '';
  return `(?=[0-9][0-9.]{0,63}$)${least}(${most})`;
}

/** Bounds have few digits, and a double may still write them with an exponent. */
function magnitudeOf(value: number): Magnitude {
  const [digits = '', exponent = '0'] = String(value).split('e');
  const [before = '', behind = ''] = digits.split('.');
  const shift = Number(exponent);
  const all = `${'0'.repeat(Math.max(-shift, 0))}${before}${behind}${'0'.repeat(Math.max(shift, 0))}`;
  const point = all.length - behind.length - Math.max(shift, 0) + shift;
  return {
    whole: all.slice(0, point).replace(/^0+/, ''),
    fraction: all.slice(point).replace(/0+$/, ''),
  };
}

function atMost({ whole, fraction }: Magnitude): string {
  const shorter = whole.length > 1 ? [`[1-9][0-9]{0,${whole.length - 2}}`] : [];
  const less =
    whole === '' ? [] : [`${optional([...shorter, ...sameLength(whole, below)])}${ANY_FRACTION}`];
  const equal = `${whole}([.](?=[0-9])${fractionAtMost(fraction)})?`;
  return `0*(${[...less, equal].join('|')})`;
}

function atLeast({ whole, fraction }: Magnitude): string {
  const more = [`[1-9][0-9]{${whole.length},}`, ...sameLength(whole, above)].join('|');
  const equal = fraction === '' ? ANY_FRACTION : `[.]${fractionAtLeast(fraction)}`;
  return `0*((${more})${ANY_FRACTION}|${whole}${equal})`;
}

/** Whole numbers of as many digits, of which the first that differs is in the range. */
function sameLength(whole: string, rangeOf: typeof below): string[] {
  return Array.from(whole).flatMap((digit, at) => {
    const range = rangeOf(digit, at === 0 ? 1 : 0);
    return range === null ? [] : [`${whole.slice(0, at)}${range}[0-9]{${whole.length - at - 1}}`];
  });
}

function optional(others: readonly string[]): string {
  return others.length === 0 ? '' : `(${others.join('|')})?`;
}

/** Digits behind the point that are no more; it may end at any of them. */
function fractionAtMost(fraction: string): string {
  return Array.from(fraction).reduceRight((rest, digit) => {
    const range = below(digit);
    return range === null ? `(${digit}${rest})?` : `(${range}[0-9]*|${digit}${rest})?`;
  }, '0*');
}

function fractionAtLeast(fraction: string): string {
  return Array.from(fraction).reduceRight((rest, digit) => {
    const range = above(digit);
    return range === null ? `${digit}${rest}` : `(${range}[0-9]*|${digit}${rest})`;
  }, '[0-9]*');
}

function below(digit: string, from = 0): string | null {
  return Number(digit) > from ? `[${from}-${Number(digit) - 1}]` : null;
}

function above(digit: string): string | null {
  return digit === '9' ? null : `[${Number(digit) + 1}-9]`;
}
