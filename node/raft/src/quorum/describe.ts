import type { AckedIndexer } from './majority.ts';

/**
 * A bar chart of how far the voters are: one line per voter in order of id, the
 * bar as long as the number of voters that are strictly behind.
 */
export function describeQuorum(ids: readonly number[], indexer: AckedIndexer): string {
  if (ids.length === 0) return '<empty majority quorum>';
  const lines = ids.map((id) => {
    const index = indexer.ackedIndex(id);
    const behind = ids.filter((other) => (indexer.ackedIndex(other) ?? 0) < (index ?? 0)).length;
    const bar =
      index === undefined
        ? `?${' '.repeat(ids.length)}`
        : `${'x'.repeat(behind)}>${' '.repeat(ids.length - behind)}`;
    return `${bar} ${String(index ?? 0).padStart(5)}    (id=${id.toString(16)})\n`;
  });
  return `${' '.repeat(ids.length)}    idx\n${lines.join('')}`;
}
