import { type AuditFields, scanAudit } from '../../audit/index.ts';
import type { ScanOptions } from '../../log/index.ts';
import type { EventFilter } from './events.ts';

/**
 * Entries of the audit log of a data directory as JSON lines, oldest first.
 *
 * @throws AuditError where an entry does not follow the one before
 */
export async function* auditLines(
  options: ScanOptions,
  { models, sinceMs }: Pick<EventFilter, 'models' | 'sinceMs'>,
): AsyncGenerator<string> {
  const isAsked = ({ model, at }: AuditFields): boolean =>
    (models.length === 0 || models.some((name) => name === model)) &&
    (sinceMs === null || Date.parse(String(at)) >= sinceMs);
  for await (const entry of scanAudit(options)) if (isAsked(entry)) yield JSON.stringify(entry);
}

/** What the check of the audit log says; null where there is none. */
export async function auditVerdict(options: ScanOptions): Promise<string | null> {
  let [count, last] = [0, ''];
  for await (const { at } of scanAudit(options)) {
    count += 1;
    last = String(at);
  }
  return count === 0 ? null : `audit log: ${count} entries follow each other, the last of ${last}`;
}
