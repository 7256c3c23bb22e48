import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { OpenFile, OpenMode } from './file-system.ts';
import { confState, entries, openMember, saved } from './fixture.ts';
import { type Log, LogFailedError, MemoryFileSystem, NodeFileSystem } from './index.ts';
import { type CrashPlan, tryEveryCrashPoint } from './testing/crash-points.ts';
import { WORKLOADS } from './testing/workloads.ts';

const DIR = '/data';
const LIMITS = { segmentBytes: 16 * 1024, cacheBytes: 4000, maxBatchBytes: 8000 };

/** One workload as thoroughly as it gets; `make crash-test` is as thorough with all of them. */
const THOROUGH = { exhaustiveSectors: 6, samples: 64, secondCrashEvery: 32 };
const QUICK = { exhaustiveSectors: 2, samples: 4, secondCrashEvery: 128 };

function metadata(index: number, term: number) {
  return { index, term, confState: confState(1, 2, 3) };
}

function* content(index: number): Generator<Uint8Array> {
  for (let i = 0; i < 3; i++) yield new TextEncoder().encode(`snapshot ${index}, part ${i}`);
}

const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

async function textOf(log: Log): Promise<string[]> {
  const parts: string[] = [];
  for await (const part of log.readSnapshot() ?? []) parts.push(decode(part));
  return parts;
}

/** Of a small batch, which is written without another thread. */
class DiskOfFewWrites extends NodeFileSystem {
  writesLeft = Infinity;

  override async open(path: string, mode: OpenMode): Promise<OpenFile> {
    const file = await super.open(path, mode);
    const write = file.writeNow?.bind(file);
    assert.ok(write !== undefined);
    file.writeNow = (source, position) => {
      if (this.writesLeft === 0) throw new Error('EIO of the test');
      this.writesLeft -= 1;
      write(source, position);
    };
    return file;
  }
}

async function eventually(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe('power that is cut at every operation', () => {
  for (const [name, workload] of Object.entries(WORKLOADS)) {
    const plan: Pick<CrashPlan, 'exhaustiveSectors' | 'samples' | 'secondCrashEvery'> =
      name === 'mixed' ? THOROUGH : QUICK;
    test(`of ${name}: every recovery holds what was acknowledged, and goes on`, async (t) => {
      for (const seed of name === 'mixed' ? [1, 2] : [1]) {
        const plain = { workload, seed, point: null, onProgress: () => undefined };
        const tally = await tryEveryCrashPoint({ ...plain, ...plan });
        assert.ok(tally.points > 20 && tally.images > 2 * tally.points);
        t.diagnostic(`seed ${seed}: ${tally.points} points, ${tally.images} images`);
      }
    });
  }
});

describe('a log whose disk fails', () => {
  for (const kind of ['write', 'sync'] as const) {
    test(`acknowledges nothing after a failed ${kind}, and never tries again`, async () => {
      const disk = new MemoryFileSystem();
      const { directory, log } = await openMember(disk, DIR, LIMITS);
      await new Promise<void>((resolve) => log.save({ entries: entries(1, 2, 1) }, resolve));
      let failed = 0;
      disk.injectFaults((operation) => {
        if (operation.kind !== kind) return null;
        failed += 1;
        return Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
      });
      const failures: Error[] = [];
      log.onFailure((error) => failures.push(error));
      let acknowledged = false;
      log.save({ entries: entries(3, 3, 1) }, () => (acknowledged = true));
      await new Promise((resolve) => setTimeout(resolve, 10));
      assert.equal(failures.length, 1);
      assert.ok(failures[0] instanceof LogFailedError);
      assert.match(failures[0].message, /0000000000000001\.seg failed: EIO/);
      assert.throws(() => log.save({}, () => undefined), LogFailedError);
      disk.injectFaults(() => null);
      await new Promise((resolve) => setTimeout(resolve, 10));
      assert.deepEqual([acknowledged, failed], [false, 1]);
      await directory.close();
    });
  }

  test('says what became durable before it says that the batch behind failed', async () => {
    const directoryPath = await mkdtemp(join(tmpdir(), 'lithair-log-'));
    const disk = new DiskOfFewWrites();
    const { directory, log } = await openMember(disk, directoryPath, LIMITS);
    const told: string[] = [];
    log.onFailure(({ message }) => told.push(message.replace(/^.*failed: /, '')));
    await new Promise<void>((resolve) => log.save({ entries: entries(1, 1, 1) }, resolve));
    disk.writesLeft = 1;
    log.save({ entries: entries(2, 2, 1) }, () => told.push('2 is durable'));
    // The first of both is being synced when the other comes.
    await Promise.resolve();
    log.save({ entries: entries(3, 3, 1) }, () => told.push('3 is durable'));
    await eventually(() => told.length >= 2);
    assert.deepEqual(told, ['2 is durable', 'EIO of the test']);
    await directory.close();
    await rm(directoryPath, { recursive: true });
  });

  test('a snapshot that cannot be written leaves the log as it is', async () => {
    const disk = new MemoryFileSystem();
    const { directory, log } = await openMember(disk, DIR, LIMITS);
    await log.bootstrap(metadata(1, 1), content(1));
    disk.injectFaults(({ path }) => (path.includes('raftsnap') ? new Error('ENOSPC') : null));
    await assert.rejects(log.writeSnapshot(metadata(1, 1), content(1)), LogFailedError);
    disk.injectFaults(() => null);
    await new Promise<void>((resolve) => log.save({ entries: entries(2, 2, 1) }, resolve));
    assert.equal(log.snapshot().metadata.index, 1);
    await directory.close();
  });

  for (const name of ['state.raftsnap', 'state.raftsnap.tmp']) {
    test(`a snapshot whose renaming of ${name} fails does not stand in the way of the next`, async () => {
      const disk = new MemoryFileSystem();
      const { directory, log } = await openMember(disk, DIR, LIMITS);
      await log.bootstrap(metadata(1, 1), content(1));
      await saved(log, { entries: entries(2, 6, 1) });
      disk.injectFaults(({ kind, path }) =>
        kind === 'rename' && path.endsWith(`/${name}`) ? new Error('EIO') : null,
      );
      await assert.rejects(log.writeSnapshot(metadata(3, 1), content(3)), LogFailedError);
      disk.injectFaults(() => null);
      assert.equal(log.snapshot().metadata.index, 1);
      assert.deepEqual(await textOf(log), [...content(1)].map(decode));
      assert.equal((await log.writeSnapshot(metadata(5, 1), content(5))).kind, 'written');
      assert.deepEqual(await textOf(log), [...content(5)].map(decode));
      await directory.close();
      const again = await openMember(disk, DIR, LIMITS);
      assert.equal(again.log.recovery.snapshot?.index, 5);
      await again.directory.close();
    });
  }

  test('a directory that cannot be synced behind a snapshot ends the log', async () => {
    const disk = new MemoryFileSystem();
    const { directory, log } = await openMember(disk, DIR, LIMITS);
    await log.bootstrap(metadata(1, 1), content(1));
    await saved(log, { entries: entries(2, 6, 1) });
    disk.injectFaults(({ kind }) => (kind === 'syncDirectory' ? new Error('EIO') : null));
    const failures: Error[] = [];
    log.onFailure((error) => failures.push(error));
    await assert.rejects(log.writeSnapshot(metadata(5, 1), content(5)), LogFailedError);
    assert.match(failures[0]?.message ?? '', /syncing \/data failed: EIO/);
    assert.throws(() => log.save({}, () => undefined), LogFailedError);
    await directory.close();
  });
});
