import type { Length, Outcome } from './run.ts';
import { DEFAULT_LENGTH } from './run.ts';
import type { Totals } from './totals.ts';

/** A failed run for people: what was violated, how to see it again, and how it came about. */
export function describeFailure(outcome: Outcome, length: Length): string {
  const { seed, violation, events, lines } = outcome;
  const steps = length.steps === DEFAULT_LENGTH.steps ? '' : ` STEPS=${length.steps}`;
  return [
    `seed ${seed} violates after ${events} events: ${violation?.message}`,
    ...lines.map((line) => `  ${line}`),
    `replay: make raft-sim SEED=${seed}${steps}`,
  ].join('\n');
}

export function describeTotals(totals: Totals): string {
  const { commits, elections, crashes, partitions, snapshots, compactions } = totals;
  const { confChanges, readsAsked, readsAnswered, transfers, stuck, ticks, messages, events } =
    totals;
  return [
    `${commits} commits, ${elections} elections, ${confChanges} membership changes,`,
    `${crashes} crashes, ${partitions} partitions, ${snapshots} snapshots installed,`,
    `${compactions} compactions, ${readsAnswered} of ${readsAsked} reads answered,`,
    `${transfers} transfers, ${stuck} groups dismissed their majority, ${messages} messages, ${ticks} ticks, ${events} events`,
  ].join(' ');
}

function text(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(1);
}

/** `min .., median .., max ..` of a list that is not empty. */
export function spread(values: readonly number[]): string {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor((sorted.length - 1) * share)] ?? 0;
  return `min ${text(at(0))}, median ${text(at(0.5))}, max ${text(at(1))}`;
}
