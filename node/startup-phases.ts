import type { Health } from './health.ts';
import type { Log } from './log/index.ts';
import type { NodeConsensus } from './node-parts.ts';
import type { ReplicatedState } from './state/index.ts';

/** Restores the snapshot of a log; null for a member that waits for the leader's. */
export async function restoreSnapshot(
  health: Health,
  log: Log,
  restore: (chunks: AsyncIterable<Uint8Array>) => Promise<ReplicatedState>,
): Promise<ReplicatedState | null> {
  let bytes = 0;
  const progress = (): string => `${Math.round(bytes / 1_000_000)} MB`;
  health.enter('snapshot', 'restoring the snapshot', progress);
  const chunks = log.readSnapshot();
  if (chunks === null) return null;
  const counted = measured(chunks, (read) => {
    bytes += read;
  });
  const state = await restore(counted);
  health.finish({ bytes, index: state.appliedIndex, aggregates: aggregatesOf(state) });
  return state;
}

/** Entries between two turns of the event loop: a few milliseconds. */
const REPLAYED_ENTRIES = 2048;
/** Generations of history that may wait in memory; then they are archived first, while applying goes on. */
const WAITING_GENERATIONS = 4;

/** Who is concerned while the log is replayed. */
export interface ReplayWatch {
  /** Lets others have a turn; throws where the start is given up. */
  pause(): Promise<void>;
  /** Hears of every applied entry. */
  onApplied(index: number, state: ReplicatedState): void;
}

/**
 * Applies what the log is known to have committed, before there is a consensus that could tell more:
 * straight from its bytes, up to the first entry that changes the membership, which is for the core.
 */
export async function replayCommitted(
  health: Health,
  log: Log,
  state: ReplicatedState | null,
  watch: ReplayWatch,
): Promise<void> {
  const commit = Math.min(log.initialState().hardState?.commit ?? 0, log.lastIndex());
  if (state === null || state.appliedIndex >= commit) return;
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
      watch.onApplied(index, state);
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
async function readyFor(log: Log, state: ReplicatedState, { pause }: ReplayWatch): Promise<void> {
  if (state.pendingChange === null) return;
  const [entry] = log.entries(state.appliedIndex + 1, state.appliedIndex + 2, 0);
  while (entry !== undefined && !state.readyFor(entry.data)) await pause();
}

/**
 * What the log holds behind the snapshot; what it adds to outcomes and indexes is then there.
 *
 * @param from what the snapshot covered
 * @param settled resolves when all of it is applied
 */
export async function catchUp(
  health: Health,
  consensus: NodeConsensus,
  from: number,
  settled: () => Promise<void>,
): Promise<void> {
  const progress = (): string => `entry ${consensus.applied} of ${consensus.status().commit}`;
  health.enter('replay', 'applying the log behind the snapshot', progress);
  await settled();
  const { state, applied } = consensus;
  health.finish({ from, to: applied, entries: applied - from });
  health.enter('dedup', 'outcomes of requests that may be repeated');
  health.finish({ outcomes: state?.outcomeCount ?? 0 });
  health.enter('indexes', 'indexes of all models');
  const models = state?.modelStates() ?? [];
  const bytes = models.reduce((sum, { statistics }) => sum + statistics.indexBytes, 0);
  health.finish({ models: models.length, bytes });
}

/**
 * What comes before the API takes requests.
 *
 * @param submit proposes the model that the node was started with; null where others look after it
 */
export async function openApi(
  health: Health,
  consensus: NodeConsensus,
  submit: (() => Promise<void>) | null,
): Promise<void> {
  health.enter('http', 'opening the API to clients');
  await submit?.();
  health.finish({ models: consensus.state?.schema.models.length ?? 0 });
}

function aggregatesOf(state: ReplicatedState): number {
  return state.modelStates().reduce((sum, { statistics }) => sum + statistics.rows, 0);
}

async function* measured(
  chunks: AsyncIterable<Uint8Array>,
  onRead: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    onRead(chunk.length);
    yield chunk;
  }
}
