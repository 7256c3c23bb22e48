import type { Health } from './health.ts';
import type { Log } from './log/index.ts';
import type { CoreWorld, NodeConsensus, NodeObserver } from './node-parts.ts';
import { replayCommitted } from './replay-committed.ts';
import type { ReplicatedState } from './state/index.ts';

/** Begins to read the log; the result is to hear how many of its segments are read. */
export function readingLog(health: Health): (read: number, of: number) => void {
  let [segments, all] = [0, 0];
  health.enter('log', 'reading the log', () => `segment ${segments} of ${all}`);
  return (read, of) => {
    [segments, all] = [read, of];
  };
}

/**
 * The state that a log is known to hold: its snapshot, and what is committed behind it. Null for a
 * member that waits for the leader's snapshot.
 *
 * @param requireRunning throws where the start is given up
 */
export async function readState(
  log: Log,
  parts: Pick<CoreWorld, 'defer'> & NodeObserver & { readonly health: Health },
  restore: (chunks: AsyncIterable<Uint8Array>) => Promise<ReplicatedState>,
  requireRunning: () => void,
): Promise<ReplicatedState | null> {
  const { health, defer = (later: () => void) => setImmediate(later) } = parts;
  const state = await restoreSnapshot(health, log, restore);
  if (state === null) return null;
  await replayCommitted(health, log, state, {
    pause: async () => {
      await new Promise<void>((resolve) => defer(resolve));
      requireRunning();
    },
    onApplied: (index) => parts.onApplied?.(index, state),
  });
  return state;
}

/** Restores the snapshot of a log; null for a member that waits for the leader's. */
async function restoreSnapshot(
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

/**
 * What the log holds behind the snapshot; what it adds to outcomes and indexes is then there.
 *
 * @param settled resolves when all of it is applied
 */
export async function catchUp(
  health: Health,
  log: Log,
  consensus: NodeConsensus,
  settled: () => Promise<void>,
): Promise<void> {
  const from = log.recovery.snapshot?.index ?? consensus.applied;
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
