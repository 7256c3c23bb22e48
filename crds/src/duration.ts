const DAY_MS = 24 * 60 * 60 * 1000;

const UNITS_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60 * 1000,
  h: 60 * 60 * 1000,
  d: DAY_MS,
  w: 7 * DAY_MS,
  y: 365 * DAY_MS,
};

/** Milliseconds of a validated duration such as `90d`; a year has 365 days. `forever` is Infinity. */
export function durationMs(duration: string): number {
  if (duration === 'forever') return Infinity;
  return Number(duration.slice(0, -1)) * (UNITS_MS[duration.slice(-1)] ?? 0);
}
