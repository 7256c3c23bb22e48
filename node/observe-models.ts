import type { ReplicatedState } from './state/index.ts';
import type { Metrics } from './telemetry/index.ts';

type Statistics = ReturnType<ReplicatedState['statistics']>[number]['statistics'];

const GAUGES: readonly [name: string, help: string, of: (statistics: Statistics) => number][] = [
  ['rows', 'Live aggregates.', ({ rows }) => rows],
  ['graves', 'Deleted ids whose versions go on.', ({ graves }) => graves],
  ['live_bytes', 'Memory of live rows and graves.', ({ liveBytes }) => liveBytes],
  [
    'dead_bytes',
    'Memory of what was replaced and is not cleared away yet.',
    ({ deadBytes }) => deadBytes,
  ],
  ['cache_bytes', 'Memory of cold rows that were read lately.', ({ cacheBytes }) => cacheBytes],
  ['file_reads', 'Reads of snapshots for cold rows.', ({ fileReads }) => fileReads],
  ['index_bytes', 'Memory of tables, indexes and spare room.', ({ indexBytes }) => indexBytes],
];

/** What each model and the outcomes of requests take in memory. */
export function observeModels(metrics: Metrics, state: () => ReplicatedState | null): void {
  for (const [name, help, of] of GAUGES) {
    metrics.gaugeBy(`lithair_model_${name}`, help, 'model', () =>
      (state()?.statistics() ?? []).map(({ model, statistics }) => [model, of(statistics)]),
    );
  }
  metrics.gauge('lithair_model_change_prepared_rows', 'Rows in indexes of a model change.', () => {
    return state()?.preparation?.prepared ?? 0;
  });
  metrics.gauge(
    'lithair_model_change_rows',
    'Rows that it waits for; 0 where there is none.',
    () => {
      return state()?.preparation?.total ?? 0;
    },
  );
  metrics.gauge('lithair_outcomes', 'Outcomes kept for repeated requests.', () => {
    return state()?.outcomeCount ?? 0;
  });
  metrics.gauge('lithair_outcomes_bytes', 'Memory of these outcomes.', () => {
    return state()?.outcomeBytes ?? 0;
  });
}
