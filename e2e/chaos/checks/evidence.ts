/** What a history must hold besides linearizability; each check gives sentences about failures. */

import type {
  FinalRecord,
  HistoryRecord,
  ItemRecord,
  SessionRecord,
  TicketRecord,
} from '../workload/history.ts';
import { acknowledgedMemos, memoViolations } from './memos.ts';
import { sessionViolations } from './sessions.ts';
import { broken, type Violation } from './violation.ts';

/** What happened, in numbers. */
export interface Tally {
  readonly operations: number;
  readonly ok: number;
  readonly refused: number;
  readonly none: number;
  readonly unknown: number;
  readonly unknownShare: number;
  /** The longest time without an acknowledged write, in seconds. */
  readonly longestGap: number;
  /** How often each kind of fault was injected. */
  readonly faults: ReadonlyMap<string, number>;
}

export function tally(records: readonly HistoryRecord[]): Tally {
  const counts = { ok: 0, refused: 0, none: 0, unknown: 0 };
  const faults = new Map<string, number>();
  for (const record of records) {
    if (isOperation(record)) counts[record.result.kind] += 1;
    if (record.kind === 'fault') faults.set(record.name, (faults.get(record.name) ?? 0) + 1);
  }
  const operations = counts.ok + counts.refused + counts.none + counts.unknown;
  const unknownShare = operations === 0 ? 1 : counts.unknown / operations;
  return { operations, ...counts, unknownShare, longestGap: longestGap(records), faults };
}

function isOperation(record: HistoryRecord): record is ItemRecord | TicketRecord | SessionRecord {
  return record.kind === 'op' || record.kind === 'ticket' || record.kind === 'session';
}

function longestGap(records: readonly HistoryRecord[]): number {
  let lastNs = 0;
  let longestNs = 0;
  for (const record of records) {
    if (record.kind !== 'op' || record.call.kind === 'read') continue;
    if (record.result.kind !== 'ok' || record.completed === null) continue;
    longestNs = Math.max(longestNs, record.completed - lastNs);
    lastNs = record.completed;
  }
  return longestNs / 1e9;
}

const MAX_UNKNOWN_SHARE = 0.05;
const MIN_OK_PER_SECOND = 5;
const MIN_MEMOS_PER_SECOND = 4;

/** Why the run says nothing, however well it went. */
export function voids(records: readonly HistoryRecord[]): string[] {
  const { ok, unknownShare, faults } = tally(records);
  const seconds = records.find((record) => record.kind === 'run')?.seconds ?? 0;
  const reasons: string[] = [];
  if (ok < seconds * MIN_OK_PER_SECOND) {
    reasons.push(`only ${ok} operations succeeded, of at least ${seconds * MIN_OK_PER_SECOND}`);
  }
  if (unknownShare > MAX_UNKNOWN_SHARE) {
    reasons.push(`the outcome of ${(unknownShare * 100).toFixed(1)} % is unknown, more than 5 %`);
  }
  const memos = acknowledgedMemos(records);
  if (memos < seconds * MIN_MEMOS_PER_SECOND) {
    reasons.push(
      `only ${memos} local writes succeeded, of at least ${seconds * MIN_MEMOS_PER_SECOND}`,
    );
  }
  if (faults.size === 0) reasons.push('no fault was injected');
  return reasons;
}

/** Promises that were broken, besides linearizability. */
export function violations(records: readonly HistoryRecord[]): Violation[] {
  const tickets = records.filter((record) => record.kind === 'ticket');
  const finals = records.filter((record) => record.kind === 'final');
  const problems = records.filter((record) => record.kind === 'problem').map(({ text }) => text);
  return [
    ...broken('member', problems),
    ...broken('difference', differences(finals)),
    ...finals.flatMap((final) => ticketViolations(tickets, final)),
    ...broken('repeated', stampViolations(records, finals)),
    ...broken('session', sessionViolations(records)),
    ...memoViolations(records),
  ];
}

/** All members hold the same in the end. */
function differences(finals: readonly FinalRecord[]): string[] {
  const [first, ...others] = finals;
  if (first === undefined) return ['no member was read in the end'];
  return others.flatMap((other) => {
    const keys = Object.keys(first.items).filter((key) => !isSame(first, other, key));
    const texts = keys.map((key) => {
      const [here, there] = [first, other].map(({ items }) => JSON.stringify(items[key]));
      return `${key} is ${here} on ${first.node} and ${there} on ${other.node}`;
    });
    const same = first.tickets.join() === other.tickets.join();
    return same ? texts : [...texts, `${first.node} and ${other.node} hold other tickets`];
  });
}

function isSame(a: FinalRecord, b: FinalRecord, key: string): boolean {
  return JSON.stringify(a.items[key]) === JSON.stringify(b.items[key]);
}

/** An acknowledged ticket is there once, one of unknown outcome at most once, any other never. */
function ticketViolations(tickets: readonly TicketRecord[], final: FinalRecord): Violation[] {
  const held = new Map<string, number>();
  for (const stamp of final.tickets) held.set(stamp, (held.get(stamp) ?? 0) + 1);
  const found = tickets.flatMap(({ stamp, result }) => {
    const count = held.get(stamp) ?? 0;
    held.delete(stamp);
    const most = result.kind === 'ok' || result.kind === 'unknown' ? 1 : 0;
    const least = result.kind === 'ok' ? 1 : 0;
    if (count >= least && count <= most) return [];
    const text = `ticket ${stamp} (${result.kind}) is there ${count} times on ${final.node}`;
    return broken(count < least ? 'lost' : count > 1 ? 'repeated' : 'invented', [text]);
  });
  const others = [...held.keys()].map((stamp) => `nobody wrote ticket ${stamp}`);
  return [...found, ...broken('invented', others)];
}

/** A stamp names one write, so it stands in one version of one key: nothing is executed twice. */
function stampViolations(
  records: readonly HistoryRecord[],
  finals: readonly FinalRecord[],
): string[] {
  const places = new Map<string, string>();
  const texts = new Set<string>();
  const see = (stamp: string, key: string, version: number | null): void => {
    if (version === null) return;
    const place = `version ${version} of ${key}`;
    const known = places.get(stamp) ?? place;
    places.set(stamp, known);
    if (known !== place) texts.add(`the write ${stamp} is ${known} and ${place}`);
  };
  for (const record of records) {
    if (record.kind !== 'op' && record.kind !== 'session') continue;
    const { key, result } = record;
    if (result.kind === 'ok' && result.row !== null) see(result.row.stamp, key, result.version);
  }
  for (const { items: held } of finals) {
    for (const [key, item] of Object.entries(held)) {
      if (item !== null) see(item.row.stamp, key, item.version);
    }
  }
  return [...texts];
}
