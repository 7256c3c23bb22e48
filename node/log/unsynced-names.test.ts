import assert from 'node:assert/strict';
import { test } from 'node:test';
import { syncFile, writeAt } from './file-steps.ts';
import { contents, entries, names, openMember, saved } from './fixture.ts';
import { type Log, MemoryFileSystem } from './index.ts';

const DIR = '/data';
const SEGMENTS = `${DIR}/events.raftlog`;

/** Writes until the process dies at the sync that would make the name of a second segment durable. */
async function dieBeforeTheNameIsDurable(disk: MemoryFileSystem, log: Log): Promise<number> {
  let last = 0;
  let named = false;
  disk.injectFaults(({ kind, path }) => {
    if (kind === 'rename' && path.startsWith(SEGMENTS)) named = true;
    return named && kind === 'syncDirectory' ? 'halt' : null;
  });
  while (!disk.halted) {
    await Promise.race([
      saved(log, { entries: entries(last + 1, last + 20, 1, 500) }),
      halted(disk),
    ]);
    if (!disk.halted) last += 20;
  }
  return last;
}

async function halted(disk: MemoryFileSystem): Promise<void> {
  while (!disk.halted) await new Promise((resolve) => setImmediate(resolve));
}

test('what is acknowledged after a killed process outlives a power cut, whatever it had not synced', async () => {
  const first = new MemoryFileSystem();
  const { log } = await openMember(first, DIR);
  const acknowledged = await dieBeforeTheNameIsDurable(first, log);

  const second = first.crash('process', () => 0);
  const reopened = await openMember(second, DIR);
  const last = reopened.log.lastIndex();
  assert.ok(last >= acknowledged);
  await saved(reopened.log, { entries: entries(last + 1, last + 1, 1) });

  const { log: after } = await openMember(second.durableImage(), DIR);
  assert.deepEqual(contents(after), names(1, last + 1, 1));
});

test('a name that two processes in a row left unsynced still names the same file', async () => {
  const first = new MemoryFileSystem();
  await first.makeDirectory(DIR);
  await first.open(`${DIR}/a`, 'create');
  const third = first.crash('process', () => 0).crash('process', () => 0);
  const file = await third.open(`${DIR}/a`, 'write');
  await writeAt(file, new TextEncoder().encode('content'), 0);
  await syncFile(file);
  await third.syncDirectory(DIR);
  const left = third.durableImage();
  assert.equal(new TextDecoder().decode(left.contentOf(`${DIR}/a`)), 'content');
});
