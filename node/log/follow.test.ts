import assert from 'node:assert/strict';
import { test } from 'node:test';
import { entries, hardState, openMember, saved } from './fixture.ts';
import { followLog, MemoryFileSystem } from './index.ts';

test('a log is followed from its begin, through one segment after another, as it is written', async () => {
  const fs = new MemoryFileSystem();
  const { directory, log } = await openMember(fs, '/data', { segmentBytes: 16 * 1024 });
  await saved(log, { entries: entries(1, 100, 1), hardState: hardState(1, 1, 100) });
  const seen: number[] = [];
  let last = 100;
  const wait = async (): Promise<void> => {
    await saved(log, { entries: entries(last + 1, last + 70, 1) });
    last += 70;
  };
  for await (const { kind, index } of followLog({ dir: '/data', fs }, wait)) {
    if (kind === 'entry') seen.push(index);
    if (index === 1500) break;
  }
  assert.ok(log.statistics.segments > 3);
  assert.deepEqual(
    seen,
    Array.from({ length: 1500 }, (_, at) => at + 1),
  );
  await directory.close();
});
