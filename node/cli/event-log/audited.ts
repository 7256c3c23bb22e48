import { type AuditFields, type LooseFile, scanAudit } from '../../audit/index.ts';
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

/** What the check of the audit log says; sound: no end of a file was changed. */
export async function auditVerdict(
  options: ScanOptions,
): Promise<{ readonly lines: readonly string[]; readonly broken: string | null }> {
  let [count, last] = [0, ''];
  const loose: LooseFile[] = [];
  for await (const { at } of scanAudit(options, (found) => loose.push(found))) {
    count += 1;
    last = String(at);
  }
  const all = `audit log: ${count} entries follow each other, the last of ${last}`;
  const torn = loose.filter(({ isTorn }) => isTorn).map(unfinished);
  const changed = loose.find(({ isTorn }) => !isTorn);
  return {
    lines: [...(count === 0 ? [] : [all]), ...torn],
    broken: changed === undefined ? null : damaged(changed),
  };
}

function unfinished({ file, bytes }: LooseFile): string {
  return `${file}: unfinished entry at the end: ${bytes} bytes`;
}

function damaged({ file, offset, bytes }: LooseFile): string {
  return `${file} is corrupt at offset ${offset}: its last ${bytes} bytes are not what was written`;
}
