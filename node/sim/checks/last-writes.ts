import type { VersionRecord } from '../../ports/index.ts';
import type { JudgedWrite, LastWriteJudge, ShownRow } from './last-write-judge.ts';
import { STAMP } from './types.ts';

/** What the members make of writes that each took by itself, when all are ordered. */
export interface LastWritesRun {
  readonly judge: Pick<LastWriteJudge, 'ids' | 'problems' | 'writesOf' | 'shownAt'>;
  /** Rows by id, of each member by name. */
  readonly shown: ReadonlyMap<string, ReadonlyMap<string, ShownRow>>;
  /** All versions of a row. */
  readonly versions: (id: string) => readonly VersionRecord[];
}

/**
 * Whether of all writes to a row the one with the greatest stamp won, on every member, and each
 * other one is a version of its own that says whether it lost.
 */
export function checkLastWrites({ judge, shown, versions }: LastWritesRun): string[] {
  const differing = [...shown].flatMap(([name, rows]) =>
    judge.ids.flatMap((id) => differsFrom(name, id, rows.get(id), judge.shownAt(id, Infinity))),
  );
  const misremembered = judge.ids.flatMap((id) =>
    checkVersions(id, judge.writesOf(id), versions(id)),
  );
  return [...judge.problems, ...differing, ...misremembered];
}

/** What is wrong with a row as a member shows it; of a deleted one, nothing is said but that. */
export function differsFrom(
  name: string,
  id: string,
  found: ShownRow | undefined,
  expected: ShownRow,
): string[] {
  const stamp = found?.stamp ?? null;
  const isRight =
    stamp === expected.stamp && (stamp === null || found?.version === expected.version);
  if (isRight) return [];
  return [`${name} shows ${tell(found)} as ${id}, and ${tell(expected)} was written last`];
}

function tell(row: ShownRow | undefined): string {
  return row === undefined || row.stamp === null ? 'nothing' : `v${row.version} ${row.stamp}`;
}

function checkVersions(
  id: string,
  writes: readonly JudgedWrite[],
  records: readonly VersionRecord[],
): string[] {
  const byVersion = new Map(records.map((record) => [record.version, record]));
  const missing = writes.flatMap((write) => wrongWith(id, write, byVersion.get(write.version)));
  const more = records.length - writes.length;
  return more > 0 ? [...missing, `${id} has ${more} versions that nobody wrote`] : missing;
}

function wrongWith(
  id: string,
  { taken, version, wins }: JudgedWrite,
  record: VersionRecord | undefined,
): string[] {
  const what = `version ${version} of ${id}`;
  if (record === undefined) return [`${what}, ${taken.stamp ?? 'a deletion'}, is not remembered`];
  const stamp = stampIn(record.json);
  if (stamp !== taken.stamp) return [`${what} is remembered as ${stamp}, not as ${taken.stamp}`];
  if ((record.effect !== 'overridden') === wins) return [];
  const fate = wins ? 'won' : 'lost';
  return [
    `${what}, ${taken.stamp ?? 'a deletion'}, ${fate}, and is remembered as ${record.effect}`,
  ];
}

/** What names the content of a row, or of what history keeps of it. */
export function stampIn(json: string | null): string | null {
  if (json === null) return null;
  const row: Readonly<Record<string, unknown>> = JSON.parse(json);
  const stamp = row[STAMP];
  return typeof stamp === 'string' ? stamp : null;
}
