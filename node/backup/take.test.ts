import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { formatKeyring, MasterKeys, newKey, parseKeyring } from '../encryption/index.ts';
import { CLUSTER, confState, entries, openMember, saved, seeded } from '../log/fixture.ts';
import { type Log, MemoryFileSystem } from '../log/index.ts';
import { checkBackup, openBackupStream, takeBackup } from './index.ts';

const root = await mkdtemp(join(tmpdir(), 'lithair-take-'));
after(() => rm(root, { recursive: true, force: true }));

const snapshotAt = (index: number) => ({ index, term: 1, confState: confState(1) });
const content = [new TextEncoder().encode('state'.repeat(1000))];

const holdArchive = async () => ({ generation: 0, files: [], release() {} });
const pause = async () => {};

/** A member's log with entries 2 to 100 behind its first snapshot. */
async function memberLog(): Promise<Log> {
  const { log } = await openMember(new MemoryFileSystem(), '/data/member');
  await log.bootstrap(snapshotAt(1), content);
  await saved(log, { entries: entries(2, 100, 1) });
  return log;
}

function backUp(log: Log, isSecret = false) {
  const source = { clusterId: CLUSTER, epoch: 1, applied: 100, isSecret, log, holdArchive, pause };
  return openBackupStream(source, null);
}

async function snapshotTwice(log: Log): Promise<number> {
  let firstKept = 0;
  for (const index of [90, 95]) {
    await log.writeSnapshot(snapshotAt(index), content);
    firstKept = log.compact(index);
  }
  return firstKept;
}

test('a log gives nothing up that a backup is still to read', async () => {
  const log = await memberLog();
  const stream = await backUp(log);
  const during = await snapshotTwice(log);
  assert.equal(during, 1);
  const dir = join(root, 'slow');
  const { entries: taken, index } = await takeBackup(dir, async () => stream, null);
  assert.deepEqual([taken, index], [99, 100]);
  assert.equal((await checkBackup(dir, null)).to, 100);
  assert.equal(log.compact(95), 90, 'and then it may');
});

test('a backup that is broken off lets the log go on', async () => {
  const log = await memberLog();
  const stream = await backUp(log);
  await stream.next();
  await stream.return?.();
  assert.equal(await snapshotTwice(log), 90);
});

test('two runs do not write to one directory at a time', async () => {
  const log = await memberLog();
  const dir = join(root, 'shared');
  const { promise, resolve } = Promise.withResolvers<void>();
  const first = takeBackup(
    dir,
    async () => {
      await promise;
      return backUp(log);
    },
    null,
  );
  await assert.rejects(
    () => takeBackup(dir, () => backUp(log), null),
    /another run is writing to .*shared/,
  );
  resolve();
  assert.equal((await first).index, 100);
  assert.equal((await checkBackup(dir, null)).to, 100);
});

test('a backup of what is encrypted is refused without keys, and encrypted with them', async () => {
  const log = await memberLog();
  const dir = join(root, 'secret');
  const isSecret = true;
  await assert.rejects(
    () => takeBackup(dir, () => backUp(log, isSecret), null),
    /a model of the cluster is encrypted at rest: give the keys, too \(--keys FILE\)/,
  );
  const record = newKey([], new Uint8Array(32).fill(1), '2026-01-01');
  const keys = new MasterKeys(parseKeyring(formatKeyring([record]), 'keys.json'));
  await takeBackup(dir, () => backUp(log, isSecret), { keys, random: seeded(1) });
  assert.equal((await checkBackup(dir, keys)).to, 100);
  await assert.rejects(checkBackup(dir, null), { code: 'KEYS_MISSING' });
  for (const name of await readdir(dir)) {
    if (!name.endsWith('.zst')) continue;
    assert.equal((await readFile(join(dir, name), 'latin1')).slice(0, 8), 'LITHSEAL');
  }
});
