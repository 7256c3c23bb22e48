import type { Health } from './health.ts';
import type { Log } from './log/index.ts';
import type { ReplicatedState } from './state/index.ts';

/** Entries between two turns of the event loop: a few milliseconds. */
const REPLAYED_ENTRIES = 2048;
/** Generations of history that may wait in memory; then they are archived first, while applying goes on. */
const WAITING_GENERATIONS = 4;

/** Who is concerned while the log is replayed. */
interface ReplayWatch {
  /** Lets others have a turn; throws where the start is given up. */
  pause(): Promise<void>;
  /** Hears of every applied entry. */
  onApplied(index: number): void;
}

/**
 * Applies what the log is known to have committed, before there is a consensus that could tell more:
 * straight from its bytes, up to the first entry that changes the membership, which is for the core.
 */
export async function replayCommitted(
  health: Health,
  log: Log,
  state: ReplicatedState,
  watch: ReplayWatch,
): Promise<void> {
  const commit = Math.min(log.initialState().hardState?.commit ?? 0, log.lastIndex());
  if (state.appliedIndex >= commit) return;
  const progress = (): string => `entry ${state.appliedIndex} of ${commit}`;
  health.enter('replay', 'applying the log behind the snapshot', progress);
  const end = firstChange(log, state.appliedIndex + 1, commit + 1);
  while (state.appliedIndex + 1 < end && !isBehindWithHistory(state)) {
    const lo = state.appliedIndex + 1;
    const isPending = state.pendingChange !== null;
    const hi = isPending ? lo + 1 : Math.min(end, lo + REPLAYED_ENTRIES);
    await readyFor(log, state, watch);
    log.visit(lo, hi, (index, term, bytes, start, stop) => {
      // What a change of the model needs is built in slices, before the entry that waits for it.
      if (index > lo && state.pendingChange !== null) return;
      state.replay(index, term, bytes, start, stop);
      watch.onApplied(index);
    });
    await watch.pause();
  }
}

/** The first of the entries `lo <= index < hi` that changes the membership; `hi` where none does. */
function firstChange(log: Log, lo: number, hi: number): number {
  let [from, to] = [lo, hi];
  while (from < to) {
    const middle = Math.floor((from + to) / 2);
    if (log.changesMembership(lo, middle + 1)) to = middle;
    else from = middle + 1;
  }
  return from;
}

function isBehindWithHistory({ history }: ReplicatedState): boolean {
  return history.active.number - history.firstResident > WAITING_GENERATIONS;
}

/** Does what the next entry needs, where a change of the model is under way. */
async function readyFor(log: Log, state: ReplicatedState, watch: ReplayWatch): Promise<void> {
  if (state.pendingChange === null) return;
  for (const { data } of log.entries(state.appliedIndex + 1, state.appliedIndex + 2, 0)) {
    while (!state.readyFor(data)) await watch.pause();
  }
}
