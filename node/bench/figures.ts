/** Median of the rounds of one figure. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** `12,345/s` */
export function perSecond(value: number): string {
  return `${Math.round(value).toLocaleString('en-US')}/s`;
}

/** One row: a name, its median and its ratio to a baseline of the same run. */
export function row(name: string, value: number, baseline: number): string {
  return `${name.padEnd(34)} ${perSecond(value).padStart(10)}   ${(value / baseline).toFixed(2)}`;
}
