import { decodeEntry } from '../../entry/index.ts';
import { type RawRecord, type ScanOptions, scanLog } from '../../log/index.ts';

/** Every record of the raft log as a JSON line, as it stands: also what was never committed. */
export async function* rawLines(options: ScanOptions): AsyncGenerator<string> {
  for await (const record of scanLog(options)) {
    const { data, ...place } = record;
    yield JSON.stringify({ ...place, bytes: data.length, entry: contentOf(record) });
  }
}

function contentOf(record: RawRecord): unknown {
  if (record.kind !== 'entry' || record.data.length === 0) return null;
  return decodeEntry(record.data);
}
