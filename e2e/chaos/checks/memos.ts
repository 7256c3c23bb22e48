import type {
  DiskRecord,
  FinalRecord,
  HistoryRecord,
  Memo,
  MemoRecord,
  MemoVersion,
} from '../workload/history.ts';
import { broken, type Violation } from './violation.ts';

/**
 * All processes of a run read the clock of one machine, so of two writes the one that was begun
 * when the other was answered has the later stamp; but for this much, since nodes read the wall clock
 * and the history a steady one.
 */
const MARGIN_NS = 50e6;

/**
 * What is promised of rows that every node takes by itself. Their history has no order that all
 * see, so it is not asked for one. In the end all members hold the same rows and versions; what was
 * acknowledged by a disk that was kept is a version, won or overridden, and only one; of two writes
 * the later one wins; and a node shows what it took.
 */
export function memoViolations(records: readonly HistoryRecord[]): Violation[] {
  const memos = records.filter((record) => record.kind === 'memo');
  const disks = records.filter((record) => record.kind === 'disk');
  const finals = records.filter((record) => record.kind === 'final');
  const writes = memos.filter(({ call }) => call.kind !== 'read');
  return [
    ...broken('difference', differences(finals)),
    ...finals.slice(0, 1).flatMap(({ memos: held }) => keptViolations(writes, disks, held)),
    ...broken('local', ownViolations(memos)),
  ];
}

/** How many local writes were acknowledged. */
export function acknowledgedMemos(records: readonly HistoryRecord[]): number {
  return records.filter(
    (record) =>
      record.kind === 'memo' && record.call.kind !== 'read' && record.result.kind === 'ok',
  ).length;
}

function differences(finals: readonly FinalRecord[]): string[] {
  const [first, ...others] = finals;
  if (first === undefined) return [];
  return others.flatMap((other) =>
    Object.keys(first.memos)
      .filter((key) => JSON.stringify(first.memos[key]) !== JSON.stringify(other.memos[key]))
      .map((key) => {
        const [here, there] = [first, other].map(({ memos }) => summary(memos[key]));
        return `memo ${key} is ${here} on ${first.node} and ${there} on ${other.node}`;
      }),
  );
}

function summary(memo: Memo | undefined): string {
  if (memo === undefined) return 'not read';
  return `${memo.stamp ?? 'nothing'} after ${memo.versions.length} versions`;
}

function keptViolations(
  writes: readonly MemoRecord[],
  disks: readonly DiskRecord[],
  held: FinalRecord['memos'],
): Violation[] {
  const lost = new Set(disks.filter(({ waiting }) => waiting !== 0).map(diskName));
  return Object.entries(held).flatMap(([key, memo]) => {
    const of = writes.filter((write) => write.key === key);
    const kept = of.filter((write) => write.result.kind === 'ok' && !lost.has(diskName(write)));
    return [
      ...broken('local', numbering(key, memo.versions)),
      ...broken('lost local write', missing(key, kept, memo.versions)),
      ...broken('local', invented(key, of, memo.versions)),
      ...orderViolations(key, of, memo),
    ];
  });
}

function diskName({ node, disk }: { readonly node: string; readonly disk: number }): string {
  return `${node}/${disk}`;
}

/** Each write takes one version, and none is left out. */
function numbering(key: string, versions: readonly MemoVersion[]): string[] {
  const at = versions.findIndex(({ version }, place) => version !== place + 1);
  return at < 0 ? [] : [`version ${at + 1} of memo ${key} is not in its history`];
}

function missing(
  key: string,
  kept: readonly MemoRecord[],
  versions: readonly MemoVersion[],
): string[] {
  const stamps = new Set(versions.map(({ stamp }) => stamp));
  const lost = kept.filter(({ call }) => call.kind !== 'delete' && !stamps.has(call.stamp));
  const texts = lost.map(
    ({ call, node }) => `the write ${call.stamp} of memo ${key}, acknowledged by ${node}, is gone`,
  );
  const wanted = kept.filter(({ call }) => call.kind === 'delete').length;
  const found = versions.filter(({ stamp }) => stamp === null).length;
  if (found >= wanted) return texts;
  return [...texts, `${wanted} deletions of memo ${key} were acknowledged, ${found} are there`];
}

/** What is there was written, by a write that may have happened, and is there once. */
function invented(
  key: string,
  writes: readonly MemoRecord[],
  versions: readonly MemoVersion[],
): string[] {
  const possible = writes.filter(({ result }) => result.kind === 'ok' || result.kind === 'unknown');
  const stamps = new Set(possible.map(({ call }) => call.stamp));
  const met = new Set<string>();
  return versions.flatMap(({ stamp, version }) => {
    if (stamp === null) return [];
    const isAgain = met.has(stamp);
    met.add(stamp);
    if (isAgain) return [`the write ${stamp} of memo ${key} is there twice, again as ${version}`];
    return stamps.has(stamp) ? [] : [`nobody wrote version ${version} of memo ${key}, ${stamp}`];
  });
}

/** Versions are in the order of the log; of two, the one that was written later wins. */
function orderViolations(
  key: string,
  writes: readonly MemoRecord[],
  { stamp, versions }: Memo,
): Violation[] {
  const byStamp = new Map(writes.map((write) => [write.call.stamp, write]));
  const texts: string[] = [];
  let winner: string | null = null;
  for (const { overridden, stamp: next } of versions) {
    const [older, newer] = overridden ? [winner, next] : [next, winner];
    if (isBefore(spanOf(byStamp, older), spanOf(byStamp, newer))) {
      texts.push(`memo ${key}: ${older} won over ${newer}, which was written after it`);
    }
    if (!overridden) winner = next;
  }
  const other = winner === stamp ? [] : [`memo ${key} is ${stamp}, and its last winner ${winner}`];
  return [...broken('local order', texts), ...broken('local', other)];
}

type Span = Pick<MemoRecord, 'invoked' | 'completed'>;

function spanOf(
  writes: ReadonlyMap<string, MemoRecord>,
  stamp: string | null,
): MemoRecord | undefined {
  return stamp === null ? undefined : writes.get(stamp);
}

function isBefore(a: Span | undefined, b: Span | undefined): boolean {
  if (a === undefined || b === undefined || a.completed === null) return false;
  return a.completed + MARGIN_NS < b.invoked;
}

/** A read of a node shows what this node acknowledged before, or something later. */
function ownViolations(memos: readonly MemoRecord[]): string[] {
  const writes = memos.filter(({ call, result }) => {
    return call.kind !== 'read' && (result.kind === 'ok' || result.kind === 'unknown');
  });
  const reads = memos.filter(({ call, result }) => call.kind === 'read' && result.kind === 'ok');
  return reads.flatMap((read) => {
    const own = lastOwn(writes, read);
    if (own === undefined || shows(writes, read, own)) return [];
    const { key, node, result } = read;
    const shown = result.kind === 'ok' ? (result.row?.stamp ?? 'nothing') : '';
    return [`${node} shows ${shown} as memo ${key}, and took ${nameOf(own)} before`];
  });
}

function nameOf({ call }: MemoRecord): string {
  return call.kind === 'delete' ? `the deletion ${call.stamp}` : call.stamp;
}

function lastOwn(writes: readonly MemoRecord[], read: MemoRecord): MemoRecord | undefined {
  const own = writes.filter(
    (write) =>
      write.key === read.key &&
      write.result.kind === 'ok' &&
      diskName(write) === diskName(read) &&
      (write.completed ?? Infinity) < read.invoked,
  );
  return own.toSorted((a, b) => b.invoked - a.invoked)[0];
}

/** Whether what was read is the write, or one that may be later. */
function shows(writes: readonly MemoRecord[], read: MemoRecord, own: MemoRecord): boolean {
  const row = read.result.kind === 'ok' ? read.result.row : null;
  return writes.some(
    (write) =>
      write.key === read.key &&
      (row === null ? write.call.kind === 'delete' : write.call.stamp === row.stamp) &&
      write.invoked <= (read.completed ?? Infinity) &&
      !isBefore(write, own),
  );
}
