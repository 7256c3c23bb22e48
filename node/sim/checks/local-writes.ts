import type { VersionRecord } from '../../ports/index.ts';
import type { LocalAttempt, LostOwnWrite } from '../workload/index.ts';
import { stampIn } from './last-writes.ts';

/** What is asked of the clients and of one member's history in the end. */
export interface LocalWritesRun {
  readonly attempts: readonly LocalAttempt[];
  readonly lost: readonly LostOwnWrite[];
  /** Nodes of which a disk was damaged or lost: what they show may be less than what they took. */
  readonly damaged: ReadonlySet<number>;
  /** Whether what only the outbox on this disk of a node held may be gone. */
  readonly isLost: (node: number, disk: number) => boolean;
  /** All versions of a row. */
  readonly versions: (id: string) => readonly VersionRecord[];
}

/**
 * Whether writes that nodes took by themselves were kept: an acknowledged one is a version of its
 * row, the winner or a loser; none is there twice; and a client saw its own on its own node.
 */
export function checkLocalWrites(run: LocalWritesRun): string[] {
  const lost = run.lost.filter(({ node }) => !run.damaged.has(node));
  return [...lost.map(describe), ...idsOf(run).flatMap((id) => checkRow(run, id))];
}

function describe({ node, id, shown, expected }: LostOwnWrite): string {
  return `n${node} shows ${shown} as ${id}, and its client wrote ${expected}`;
}

function idsOf({ attempts }: LocalWritesRun): readonly string[] {
  return [...new Set(attempts.map(({ id }) => id))].sort();
}

function checkRow({ attempts, versions, isLost }: LocalWritesRun, id: string): string[] {
  const records = versions(id);
  const stamps = records.flatMap(({ json }) => stampIn(json) ?? []);
  const problems = [...new Set(stamps)]
    .filter((stamp) => stamps.indexOf(stamp) !== stamps.lastIndexOf(stamp))
    .map((stamp) => `write ${stamp} of ${id} was ordered twice`);
  const kept = attempts.filter(
    ({ node, disk, result, id: of }) =>
      of === id && result === 'acknowledged' && !isLost(node, disk),
  );
  const missing = kept.filter(({ stamp }) => stamp !== null && !stamps.includes(stamp));
  const deletions = records.filter(({ json }) => json === null).length;
  const acknowledged = kept.filter(({ stamp }) => stamp === null).length;
  if (deletions < acknowledged) {
    problems.push(`${acknowledged} deletions of ${id} were acknowledged, ${deletions} are there`);
  }
  return [
    ...problems,
    ...missing.map(
      ({ node, stamp }) => `write ${stamp} of ${id}, acknowledged by n${node}, is gone`,
    ),
  ];
}
