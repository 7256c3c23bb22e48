/** Median of the rounds of one figure. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The value that so large a share of the others is below; NaN of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** `12,345/s` */
export function perSecond(value: number): string {
  return `${Math.round(value).toLocaleString('en-US')}/s`;
}

/** One row: a name, its median and its ratio to a baseline of the same run. */
export function row(name: string, value: number, baseline: number): string {
  return `${name.padEnd(34)} ${perSecond(value).padStart(10)}   ${(value / baseline).toFixed(2)}`;
}

/** A figure that has an aim. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: 'ms' | 's' | '/s' | 'MB' | 'MB/s' | 'ratio';
  /** The aim, in the same unit: so much at least, or at most. */
  readonly target: { readonly least: number } | { readonly most: number } | null;
  /** What does the same in the same run; the ratio to it is shown. */
  readonly baseline?: { readonly name: string; readonly value: number };
}

/** One line: measured, aim, verdict, and the ratio to the baseline. */
export function verdict(figure: Figure): string {
  const { name, value, unit, target, baseline } = figure;
  const aim = target === null ? '' : aimOf(target, unit);
  const beside =
    baseline === undefined
      ? ''
      : `${baseline.name} ${quantity(baseline.value, unit)}, ratio ${(value / baseline.value).toFixed(2)}`;
  const cells = [name.padEnd(44), quantity(value, unit).padStart(10), aim.padEnd(20)];
  return `${cells.join('  ')}  ${wordOf(figure).padEnd(6)}  ${beside}`.trimEnd();
}

function aimOf(target: NonNullable<Figure['target']>, unit: Figure['unit']): string {
  if ('least' in target) return `aim ≥ ${quantity(target.least, unit)}`;
  return `aim ≤ ${quantity(target.most, unit)}`;
}

function wordOf({ value, target }: Figure): string {
  if (target === null) return '';
  const isMet = 'least' in target ? value >= target.least : value <= target.most;
  return isMet ? 'met' : 'MISSED';
}

function quantity(value: number, unit: Figure['unit']): string {
  if (unit === '/s') return perSecond(value);
  if (unit === 'MB' || unit === 'MB/s') return `${value.toFixed(0)} ${unit}`;
  if (unit === 's') return `${value.toFixed(1)} s`;
  return unit === 'ms' ? `${value.toFixed(value < 10 ? 2 : 0)} ms` : value.toFixed(2);
}
