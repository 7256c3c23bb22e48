import { ColdError } from './cold/index.ts';
import type { HistoryKeeper } from './history-keeper.ts';
import type { Log } from './log/index.ts';
import { AdminError, type Compacted, type Compaction } from './membership/index.ts';
import type { NodeConsensus } from './node-parts.ts';

const CONFIRM_TIMEOUT_MS = 10_000;
/** A write between two steps, or a snapshot that was under way, costs another round. */
const MAX_ROUNDS = 5;

/**
 * Removes from one member what is not kept any more: what history remembers goes to the archives
 * by the rules, and snapshots, segments and spare files that held it go. Writes go on meanwhile.
 */
export function compaction(consensus: NodeConsensus, log: Log, keeper: HistoryKeeper): Compaction {
  const compact = async (seal: () => Promise<void>): Promise<Compacted> => {
    await sealed(consensus, seal);
    await tidied(keeper);
    await log.roll();
    const from = log.lastIndex();
    for (let round = 0; round < MAX_ROUNDS; round++) {
      await sealed(consensus, seal);
      await tidied(keeper);
      await consensus.takeSnapshot();
      const index = await log.erase(consensus.applied);
      if (index > from) return { index, generation: keeper.generation };
    }
    throw new AdminError(
      'unavailable',
      'the log is held, or snapshots could not keep up; ask again',
    );
  };
  let last: Promise<unknown> = Promise.resolve();
  return {
    seal: () => keeper.seal(),
    // One after the other: the end of one lets the log use segments again.
    compact(seal): Promise<Compacted> {
      const result = last.then(() => compact(seal));
      last = result.catch(() => undefined);
      return result;
    },
  };
}

/** Seals through the leader, and waits until that is applied here: the log has grown by then. */
async function sealed(consensus: NodeConsensus, seal: () => Promise<void>): Promise<void> {
  await seal();
  await consensus.confirmRead(CONFIRM_TIMEOUT_MS);
}

/** @throws AdminError `unavailable` where the cold store does not answer: the rest was tidied */
async function tidied(keeper: HistoryKeeper): Promise<void> {
  try {
    await keeper.tidy();
  } catch (error) {
    if (error instanceof ColdError) throw new AdminError('unavailable', error.message);
    throw error;
  }
}
