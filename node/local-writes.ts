import { rowAccess } from './access/index.ts';
import type { Leader } from './leader.ts';
import type { DataDirectory, Log, LogOptions } from './log/index.ts';
import { mergePatch } from './merge-patch.ts';
import type { CoreWorld, NodeConsensus } from './node-parts.ts';
import {
  decodeAnswer,
  decodeRequest,
  encodeAnswer,
  encodeRequest,
  Outbox,
  type OutboxParts,
} from './outbox/index.ts';
import type { Metrics } from './telemetry/index.ts';

/** Time that the leader has for a batch that another member sent. */
const ORDER_TIMEOUT_MS = 5_000;

interface Given extends Pick<OutboxParts, 'isSpaceLow' | 'onFailure' | 'limits'> {
  readonly directory: DataDirectory;
  readonly metrics: Metrics;
  /** As those of the log: the outbox is encrypted where that is. */
  readonly logOptions: LogOptions;
}

/**
 * The outbox of this member, over its part in consensus. Where there is one on the disk, or should
 * be, it is opened; others begin one with their first local write.
 */
export async function openOutbox(
  { clock, random, logger }: Pick<CoreWorld, 'clock' | 'random' | 'logger'>,
  consensus: NodeConsensus,
  leader: Leader,
  log: Log,
  given: Given,
): Promise<Outbox> {
  const { directory, metrics, logOptions, ...rest } = given;
  const outbox = new Outbox({
    ...rest,
    openJournal: () => directory.openOutbox({ ...logOptions, encrypts: log.isEncrypted }),
    memberId: consensus.memberId,
    clock,
    random,
    logger,
    mergePatch,
    rowAccess,
    state: () => consensus.state,
    order: async (writes, timeoutMs) => {
      const answer = await consensus.forwardOutbox(encodeRequest(writes), timeoutMs);
      return answer === null ? leader.orderLocalWrites(writes, timeoutMs) : decodeAnswer(answer);
    },
    onceCommitted(index, done) {
      const commit = log.initialState().hardState?.commit ?? 0;
      if (commit < index) return false;
      log.save({}, done);
      return true;
    },
  });
  observeOutbox(metrics, outbox);
  const ordered = consensus.state?.localWrites.sequenceOf(consensus.memberId) ?? 0;
  if (ordered > 0 || (await directory.hasOutbox())) await outbox.open();
  return outbox;
}

/** Figures of the outbox; read only when somebody asks for metrics. */
function observeOutbox(metrics: Metrics, outbox: Outbox): void {
  const gauges: [name: string, help: string, read: () => number][] = [
    ['outbox_writes', 'Local writes that are not ordered yet.', () => outbox.status.writes],
    ['outbox_bytes', 'Bytes of these writes.', () => outbox.status.bytes],
    [
      'outbox_oldest_seconds',
      'How long the oldest of them waits.',
      () => outbox.status.oldestMs / 1000,
    ],
    [
      'local_write_conflicts',
      'Local writes of any member that lost to a later one, seen here since the start.',
      () => outbox.status.conflicts,
    ],
    [
      'local_write_unfit',
      'Local writes of any member that the model did not allow any more, likewise.',
      () => outbox.status.unfit,
    ],
  ];
  for (const [name, help, read] of gauges) metrics.gauge(`lithair_${name}`, help, read);
}

/** Orders what another member took; what cannot be done now may be asked for again. */
export async function orderWrites(
  leader: Leader,
  from: number,
  request: Uint8Array,
): Promise<Uint8Array> {
  const writes = decodeRequest(from, request);
  const answer = await leader
    .orderLocalWrites(writes, ORDER_TIMEOUT_MS)
    .catch(() => 'later' as const);
  return encodeAnswer(answer);
}
