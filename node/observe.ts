import type { EncryptionStatus } from '@lithair/crds/contract';
import { ARCHIVE_DIRECTORY, CATALOG_NAME, coldEndsIn } from './archive/index.ts';
import type { Consensus } from './consensus/index.ts';
import type { HistoryKeeper } from './history-keeper.ts';
import { type FileSystem, IDENTITY_NAME, type Log, type SpaceWatch } from './log/index.ts';
import { observeModels } from './observe-models.ts';
import type { ApplyResult, ReplicatedState } from './state/index.ts';
import type { Metrics, Tracer } from './telemetry/index.ts';

/** Bytes of the files of a data directory that say what the others are; read when asked for. */
export function observeMetadata(metrics: Metrics, fs: FileSystem, dir: string): void {
  metrics.gaugeLater(
    'lithair_storage_metadata_bytes',
    'Bytes on disk that say what the rest is: identity, catalog of archives, ends of cold objects.',
    () => metadataBytes(fs, dir),
  );
}

async function metadataBytes(fs: FileSystem, dir: string): Promise<number> {
  const ends = await coldEndsIn(fs, `${dir}/${ARCHIVE_DIRECTORY}`);
  const paths = [
    IDENTITY_NAME,
    CATALOG_NAME,
    ...ends.map((name) => `${ARCHIVE_DIRECTORY}/${name}`),
  ];
  const found = await Promise.all(paths.map((path) => fs.stat(`${dir}/${path}`)));
  return found.reduce((sum, file) => sum + (file?.size ?? 0), 0);
}

/** Gauges of encryption at rest; NaN where the member has no keys. */
export function observeEncryption(metrics: Metrics, status: () => EncryptionStatus | null): void {
  metrics.gauge(
    'lithair_encryption_active_key',
    'Id of the key that new files get; NaN without keys.',
    () => status()?.activeKey ?? NaN,
  );
  metrics.gauge(
    'lithair_encryption_pending_files',
    'Files that are not encrypted as they should be, and are being written anew.',
    () => status()?.pending ?? NaN,
  );
}

/** Gauges of consensus, log and state; read only when somebody asks for metrics. */
export function observeNode(
  metrics: Metrics,
  consensus: Consensus<ApplyResult, ReplicatedState>,
  log: Log,
  space: SpaceWatch,
  keeper: Pick<HistoryKeeper, 'coldFigures' | 'archivedBytes' | 'coldObjects'>,
): void {
  const status = () => consensus.status();
  metrics.gauge('lithair_raft_term', 'Current term.', () => status().term);
  metrics.gauge(
    'lithair_raft_commit_index',
    'Highest committed index known here.',
    () => status().commit,
  );
  metrics.gauge(
    'lithair_raft_applied_index',
    'Highest index applied here.',
    () => consensus.applied,
  );
  metrics.gauge('lithair_raft_is_leader', '1 where this node leads.', () =>
    Number(consensus.leading),
  );
  metrics.gauge(
    'lithair_raft_leader_id',
    'Member id of the leader, 0 for none.',
    () => consensus.leader,
  );
  metrics.gauge('lithair_log_segments', 'Segment files of the log.', () => log.statistics.segments);
  metrics.gauge(
    'lithair_log_written_bytes',
    'Bytes written since the start.',
    () => log.statistics.bytes,
  );
  metrics.gauge(
    'lithair_log_batches',
    'Batches synced since the start.',
    () => log.statistics.batches,
  );
  metrics.gauge(
    'lithair_log_pending_bytes',
    'Bytes that wait for the disk.',
    () => log.statistics.pendingBytes,
  );
  observeStorage(metrics, consensus, log, space);
  observeHistory(metrics, keeper);
  observeModels(metrics, () => consensus.state);
  metrics.gauge('lithair_aggregates', 'Live aggregates of all models.', () =>
    aggregatesOf(consensus.state),
  );
}

function observeStorage(
  metrics: Metrics,
  consensus: Consensus<ApplyResult, ReplicatedState>,
  log: Log,
  space: SpaceWatch,
): void {
  const gauges: [string, string, () => number][] = [
    [
      'events',
      'Bytes of the segments on disk, spares included.',
      () => log.statistics.segmentBytes,
    ],
    ['snapshots', 'Bytes of the snapshots on disk.', () => log.statistics.snapshotBytes],
    [
      'indexes',
      'Bytes of tables and indexes of all models, which are in memory alone.',
      () => indexBytesOf(consensus.state),
    ],
    [
      'free',
      'Free bytes of the disk; NaN where it does not tell.',
      () => space.status?.freeBytes ?? NaN,
    ],
    ['total', 'Size of the disk in bytes; NaN as above.', () => space.status?.totalBytes ?? NaN],
    [
      'reserve',
      'Below so many free bytes writes are refused.',
      () => space.status?.reserveBytes ?? NaN,
    ],
  ];
  for (const [what, help, read] of gauges)
    metrics.gauge(`lithair_storage_${what}_bytes`, help, read);
}

function observeHistory(
  metrics: Metrics,
  keeper: Pick<HistoryKeeper, 'coldFigures' | 'archivedBytes' | 'coldObjects'>,
): void {
  const bytes = () => keeper.coldObjects().reduce((sum, object) => sum + object.bytes, 0);
  const gauges: [string, string, () => number][] = [
    ['storage_archives_bytes', 'Bytes of the archives on disk.', () => keeper.archivedBytes],
    ['storage_cold_bytes', 'Bytes of the objects in the cold store.', bytes],
    ['cold_objects', 'Objects in the cold store.', () => keeper.coldObjects().length],
    [
      'cold_uploaded_bytes',
      'Bytes that this member has put into the cold store since the start.',
      () => keeper.coldFigures.uploadedBytes,
    ],
    [
      'cold_failures',
      'Rounds that the cold store failed since the start; it is asked again by itself.',
      () => keeper.coldFigures.failures,
    ],
    [
      'cold_disputed_objects',
      'Cold objects that lack history which this member has, and keeps for that reason.',
      () => keeper.coldFigures.disputed,
    ],
  ];
  for (const [what, help, read] of gauges) metrics.gauge(`lithair_${what}`, help, read);
}

function indexBytesOf(state: ReplicatedState | null): number {
  if (state === null) return 0;
  return state.modelStates().reduce((sum, { statistics }) => sum + statistics.indexBytes, 0);
}

function aggregatesOf(state: ReplicatedState | null): number {
  if (state === null) return 0;
  return state.modelStates().reduce((sum, { size }) => sum + size, 0);
}

/** What became of the spans of requests that are recorded. */
export function observeTraces(metrics: Metrics, tracer: Tracer): void {
  const gauges: [name: string, help: string, read: () => number][] = [
    ['queued', 'Spans that wait to be sent.', () => tracer.counts.queued],
    ['told', 'Spans that the collector or the log took since the start.', () => tracer.counts.told],
    [
      'dropped',
      'Spans that were lost since the start: a full queue, or nobody who took them.',
      () => tracer.counts.dropped,
    ],
  ];
  for (const [name, help, read] of gauges) {
    metrics.gauge(`lithair_trace_spans_${name}`, help, read);
  }
}
