import type { HistoryRecord, ItemRecord, SessionRecord } from '../workload/history.ts';

/** What one client knows of one key: it may meet nothing older. */
interface Seen {
  /** The lowest version that the key can have by now. */
  readonly floor: number;
  /** It was met without a row, so the floor is the lowest version of that. */
  readonly gone: boolean;
}

const NOTHING: Seen = { floor: 0, gone: true };

/**
 * Read your writes and monotonic reads, across nodes: what a client saw or wrote of a key, a later
 * read of it with that session's token never shows older. Told from versions, which count up with
 * every change and go on across a delete.
 */
export function sessionViolations(records: readonly HistoryRecord[]): string[] {
  const deletes = records.filter((record) => record.kind === 'op').filter(mayDelete);
  const begun = beginnings(records);
  const sessions = new Map<string, { readonly seen: Seen; readonly sinceNs: number }>();
  const texts: string[] = [];
  for (const record of records) {
    if (record.kind !== 'op' && record.kind !== 'session') continue;
    const { client, key, result, node } = record;
    if (result.kind !== 'ok') continue;
    const name = `${client} ${key}`;
    const known = sessions.get(name) ?? { seen: NOTHING, sinceNs: 0 };
    const next = after(known.seen, record);
    const isDeleted = next.gone && !known.seen.gone && !isDelete(record);
    const isBack =
      next.floor < known.seen.floor ||
      (isDeleted && !deletes.some((other) => couldDelete(other, record, known.sinceNs)));
    if (isBack) texts.push(sentence(client, key, known.seen, result.version, node));
    else sessions.set(name, { seen: next, sinceNs: sinceOf(record, begun) });
  }
  return texts;
}

/** What is known behind an answer; a floor below the one before means that it went back. */
function after(seen: Seen, record: ItemRecord | SessionRecord): Seen {
  const { result } = record;
  // What was deleted was there: one version more for that, where it was gone before.
  if (isDelete(record)) return { floor: seen.floor + (seen.gone ? 2 : 1), gone: true };
  if (result.kind !== 'ok') return seen;
  const { version, row } = result;
  if (row === null) return { floor: seen.floor + (seen.gone ? 0 : 1), gone: true };
  if (version === null) return seen;
  // A row that comes back has a version of its own.
  const isOld = seen.gone && version <= seen.floor;
  return { floor: isOld ? seen.floor - 1 : version, gone: false };
}

/** Whether this delete can have come behind what the client had seen, and before this answer. */
function couldDelete(
  other: ItemRecord,
  { key, completed }: SessionRecord | ItemRecord,
  sinceNs: number,
) {
  if (other.key !== key || other.invoked > (completed ?? Number.POSITIVE_INFINITY)) return false;
  return other.completed === null || other.completed >= sinceNs;
}

/** When the write that made what an answer shows was sent; what came before is older than that. */
function sinceOf({ result }: ItemRecord | SessionRecord, begun: ReadonlyMap<string, number>) {
  const stamp = result.kind === 'ok' ? (result.row?.stamp ?? '') : '';
  return begun.get(stamp) ?? 0;
}

function beginnings(records: readonly HistoryRecord[]): Map<string, number> {
  const begun = new Map<string, number>();
  for (const record of records) {
    if (record.kind !== 'op' || record.call.kind === 'read') continue;
    begun.set(
      record.call.stamp,
      Math.min(record.invoked, begun.get(record.call.stamp) ?? Infinity),
    );
  }
  return begun;
}

function isDelete(record: ItemRecord | SessionRecord): boolean {
  return record.kind === 'op' && record.call.kind === 'delete';
}

function mayDelete(record: ItemRecord): boolean {
  return isDelete(record) && (record.result.kind === 'ok' || record.result.kind === 'unknown');
}

function sentence(
  client: number,
  key: string,
  { floor, gone }: Seen,
  version: number | null,
  node: string,
): string {
  const before = gone ? `no row, at version ${floor} or later` : `version ${floor}`;
  const now = version === null ? 'no row' : `version ${version}`;
  return `client ${client} met ${before} of ${key}, and then ${now} on ${node}`;
}
