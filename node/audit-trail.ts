import { durationMs } from '@lithair/crds';
import { AuditLog } from './audit/index.ts';
import type { CoreOptions, CoreWorld, NodeConsensus } from './node-parts.ts';
import type { Metrics } from './telemetry/index.ts';

interface Given {
  readonly consensus: () => NodeConsensus | null;
  readonly isSpaceLow: () => boolean;
  readonly onFailure: (error: Error) => void;
  readonly metrics: Metrics;
}

/** The audit log of this node; it touches no disk before it is opened. */
export function auditTrail(
  { name: node, dataDir: dir }: CoreOptions,
  { fs, clock, logger }: CoreWorld,
  { consensus, metrics, ...given }: Given,
): AuditLog {
  const keepMs = (): number =>
    durationMs(consensus()?.state?.schema.store.auditRetention ?? 'forever');
  const log = new AuditLog({ fs, dir, node, clock, logger, keepMs, ...given });
  const help = 'Entries of the audit log that were written since the start.';
  metrics.gauge('lithair_audit_entries', help, () => log.written);
  return log;
}
