// Exact decimals within expressions: what the type decimal stores, compared and reckoned with.
import type { Environment } from '@marcbachmann/cel-js';
import { compareDecimals, decimalOf, isDecimal } from '../lexical.ts';

/** A decimal as expressions hold it; `text` is canonical. */
export class Decimal {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What an operator may stand between, besides two decimals. */
type Operand = Decimal | bigint | number;

const COMPARISONS = {
  '<': (order: number) => order < 0,
  '<=': (order: number) => order <= 0,
  '>': (order: number) => order > 0,
  '>=': (order: number) => order >= 0,
  '==': (order: number) => order === 0,
} as const;

const SUMS = {
  '+': (a: Scaled, b: Scaled) => aligned(a, b, (x, y) => x + y),
  '-': (a: Scaled, b: Scaled) => aligned(a, b, (x, y) => x - y),
  '*': (a: Scaled, b: Scaled) => ({ digits: a.digits * b.digits, scale: a.scale + b.scale }),
} as const;

const PAIRS = [
  ['decimal', 'decimal'],
  ['decimal', 'int'],
  ['decimal', 'double'],
  ['int', 'decimal'],
  ['double', 'decimal'],
] as const;

/** Registers the type, its operators and `decimal("9.90")`. */
export function registerDecimal(environment: Environment): void {
  environment.registerType('decimal', { ctor: Decimal, fields: {} });
  environment.registerFunction('decimal(string): decimal', (text: string) => {
    if (isDecimal(text)) return new Decimal(text);
    throw new RangeError('not a decimal');
  });
  for (const [left, right] of PAIRS) {
    for (const [sign, holds] of Object.entries(COMPARISONS)) {
      // Equality is registered for both orders at once.
      if (sign === '==' && left !== 'decimal') continue;
      environment.registerOperator(`${left} ${sign} ${right}`, (a: Operand, b: Operand) =>
        holds(compareDecimals(textOf(a), textOf(b))),
      );
    }
    if (left === 'double' || right === 'double') continue;
    for (const [sign, reckon] of Object.entries(SUMS)) {
      environment.registerOperator(`${left} ${sign} ${right}: decimal`, (a: Operand, b: Operand) =>
        fromScaled(reckon(scaled(textOf(a)), scaled(textOf(b)))),
      );
    }
  }
}

function textOf(value: Operand): string {
  if (value instanceof Decimal) return value.text;
  return typeof value === 'bigint' ? String(value) : decimalOf(value);
}

/** A decimal as a whole number of its last places. */
interface Scaled {
  readonly digits: bigint;
  readonly scale: number;
}

function scaled(text: string): Scaled {
  const [whole = '', fraction = ''] = text.split('.');
  return { digits: BigInt(whole + fraction), scale: fraction.length };
}

function aligned(a: Scaled, b: Scaled, reckon: (x: bigint, y: bigint) => bigint): Scaled {
  const scale = Math.max(a.scale, b.scale);
  const at = ({ digits, scale: own }: Scaled) => digits * 10n ** BigInt(scale - own);
  return { digits: reckon(at(a), at(b)), scale };
}

function fromScaled({ digits, scale }: Scaled): Decimal {
  const sign = digits < 0n ? '-' : '';
  const text = String(digits < 0n ? -digits : digits).padStart(scale + 1, '0');
  const point = text.length - scale;
  return new Decimal(sign + text.slice(0, point) + (scale === 0 ? '' : `.${text.slice(point)}`));
}
