import { type FileSystem, LogError, scanLog, scanSnapshots } from '../../log/index.ts';

/** What a disk would still hold of a log after a power cut. */
export interface DurableLog {
  /** Everything up to here is in a snapshot, or was given up behind one. */
  readonly coveredIndex: number;
  /** Terms of the entries behind it. */
  readonly terms: ReadonlyMap<number, number>;
}

/** Reads the log from an image of a disk; null where it cannot be read at all. */
export async function readDurableLog(fs: FileSystem, dir: string): Promise<DurableLog | null> {
  try {
    let coveredIndex = 0;
    for (const { metadata } of await scanSnapshots({ fs, dir })) {
      coveredIndex = Math.max(coveredIndex, metadata.index);
    }
    return { coveredIndex, terms: await readTerms(fs, dir) };
  } catch (error) {
    if (error instanceof LogError) return null;
    throw error;
  }
}

async function readTerms(fs: FileSystem, dir: string): Promise<Map<number, number>> {
  const terms = new Map<number, number>();
  let last = 0;
  for await (const { kind, index, term } of scanLog({ fs, dir })) {
    if (kind === 'reset') terms.clear();
    if (kind !== 'entry' && kind !== 'confChange' && kind !== 'confChangeV2') continue;
    // A lower index than the last replaces what was there.
    for (let stale = index + 1; stale <= last; stale++) terms.delete(stale);
    terms.set(index, term);
    last = index;
  }
  return terms;
}

/** Whether the entry of this index and term is safe on that disk. */
export function holds(log: DurableLog, index: number, term: number): boolean {
  return index <= log.coveredIndex || log.terms.get(index) === term;
}
