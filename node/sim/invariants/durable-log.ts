import { type FileSystem, LogError, scanLog, scanSnapshots } from '../../log/index.ts';

/** What a disk would still hold of a log after a power cut. */
export interface DurableLog {
  /** Everything up to here is in a snapshot, or was given up behind one. */
  readonly coveredIndex: number;
  /** Terms of the entries behind it. */
  readonly terms: ReadonlyMap<number, number>;
  /** Why the rest cannot be read; null where there is none. */
  readonly problem: string | null;
}

/** Reads the log from an image of a disk, as far as it can be read. */
export async function readDurableLog(fs: FileSystem, dir: string): Promise<DurableLog> {
  const terms = new Map<number, number>();
  let coveredIndex = 0;
  const readSnapshots = async (): Promise<null> => {
    for (const { metadata } of await scanSnapshots({ fs, dir })) {
      coveredIndex = Math.max(coveredIndex, metadata.index);
    }
    return null;
  };
  const problems = [
    await readSnapshots().catch(reasonOf),
    await readTerms(fs, dir, terms).catch(reasonOf),
  ];
  return { coveredIndex, terms, problem: problems.find((problem) => problem !== null) ?? null };
}

/** A disk that was damaged may be read in part alone. */
function reasonOf(error: unknown): string {
  if (error instanceof LogError) return error.message;
  throw error;
}

async function readTerms(fs: FileSystem, dir: string, terms: Map<number, number>): Promise<null> {
  let last = 0;
  for await (const { kind, index, term } of scanLog({ fs, dir })) {
    if (kind === 'reset') terms.clear();
    if (kind !== 'entry' && kind !== 'confChange' && kind !== 'confChangeV2') continue;
    // A lower index than the last replaces what was there.
    for (let stale = index + 1; stale <= last; stale++) terms.delete(stale);
    terms.set(index, term);
    last = index;
  }
  return null;
}

/** Whether the entry of this index and term is safe on that disk. */
export function holds(log: DurableLog, index: number, term: number): boolean {
  return index <= log.coveredIndex || log.terms.get(index) === term;
}

export function describe({ coveredIndex, terms, problem }: DurableLog): string {
  const last = Math.max(0, ...terms.keys());
  return `snapshot ${coveredIndex}, entries to ${last}${problem === null ? '' : `, ${problem}`}`;
}
