import { decodeEntry } from '../../entry/index.ts';
import { type ScanOptions, scanOutbox } from '../../log/index.ts';
import { replayed } from './events.ts';

/**
 * Local writes that wait in the outbox of a data directory to be ordered, as JSON lines in the
 * order in which they were taken. What the log of this directory has ordered is left out.
 *
 * @throws LogError, CliError
 */
export async function* waitingLines(options: ScanOptions): AsyncGenerator<string> {
  const state = await replayed(options);
  for await (const { sequence, data } of scanOutbox(options)) {
    const entry = decodeEntry(data);
    if (entry.kind !== 'localWrites') throw new Error(`record ${sequence} is no local write`);
    const through = state?.localWrites.sequenceOf(entry.origin) ?? 0;
    if (sequence <= through) continue;
    for (const { stamp, actor, changes } of entry.writes) {
      const at = new Date(stamp.wallMs).toISOString();
      const place = { sequence, origin: entry.origin, at, actor };
      for (const change of changes) yield JSON.stringify({ ...place, ...change });
    }
  }
}
