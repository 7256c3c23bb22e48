import type { Evidence } from './evidence.ts';
import { keyName, keyOfName } from './key-model.ts';
import type { Timeline } from './timeline.ts';
import type { Constraint, Operation, Row, Violation } from './types.ts';

/** What an aggregate certainly was from one index of the log up to another. */
interface Span {
  readonly name: string;
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
  readonly row: Row | null;
  readonly operation: Operation | null;
}

/** Constraints hold at every index of the log, as far as acknowledged writes tell what was there. */
export function checkConstraintHistory({ history, timelines }: Evidence): Violation[] {
  const spans = new Map(Array.from(timelines, ([name, one]) => [name, certainSpans(name, one)]));
  return history.constraints.flatMap((constraint) => {
    const all = Array.from(spans).flatMap(([name, some]) =>
      keyOfName(name).model === constraint.model ? some : [],
    );
    const holders = all.flatMap((span) => valueOf(span, constraint));
    return constraint.kind === 'unique'
      ? overlaps(holders, constraint)
      : holders.flatMap((holder) => dangling(holder, constraint, spans));
  });
}

function certainSpans(name: string, { entries }: Timeline): Span[] {
  return entries.flatMap(({ index, row, loose, operation }, at) => {
    const to = entries[at + 1]?.index ?? Number.POSITIVE_INFINITY;
    return loose ? [] : [{ name, from: index, to, row, operation }];
  });
}

interface Holder extends Span {
  readonly value: string;
}

function valueOf(span: Span, { field }: Constraint): Holder[] {
  const value = span.row?.[field];
  return typeof value === 'string' ? [{ ...span, value }] : [];
}

function overlaps(holders: readonly Holder[], { field }: Constraint): Violation[] {
  const sorted = holders.toSorted((a, b) => a.from - b.from);
  const longest = new Map<string, Holder>();
  return sorted.flatMap((holder) => {
    const before = longest.get(holder.value);
    if (before === undefined || before.to <= holder.to) longest.set(holder.value, holder);
    if (before === undefined || before.to <= holder.from) return [];
    const message = `${before.name} and ${holder.name} both have ${field} "${holder.value}" at index ${holder.from}`;
    return [violation(message, [before, holder])];
  });
}

function dangling(
  holder: Holder,
  { to, field }: Extract<Constraint, { kind: 'reference' }>,
  spans: ReadonlyMap<string, readonly Span[]>,
): Violation[] {
  const target = keyName(to, holder.value);
  const absences = (spans.get(target) ?? []).filter(
    (span) => span.row === null && span.from < holder.to && holder.from < span.to,
  );
  return absences.map((absence) => {
    const index = Math.max(absence.from, holder.from);
    const message = `${holder.name} has ${field} "${holder.value}" at index ${index}, where there is no ${target}`;
    return violation(message, [holder, absence]);
  });
}

function violation(message: string, spans: readonly Span[]): Violation {
  const operations = spans.flatMap(({ operation }) => operation ?? []);
  return { check: 'constraints', message, key: keyOfName(spans[0]?.name ?? ''), operations };
}
