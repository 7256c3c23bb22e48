import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Clock } from '../ports/index.ts';
import {
  clock,
  confState,
  contents,
  entries,
  logger,
  names,
  openMember,
  saved,
} from './fixture.ts';
import { MemoryFileSystem, SpaceWatch } from './index.ts';

const DIR = '/data';
const SEGMENT = 16 * 1024;
const LIMITS = { segmentBytes: SEGMENT, cacheBytes: 4000, maxBatchBytes: 8000 };

const turns = async (count: number) => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
};

/** A clock whose timers fire when the test says so. */
function steppedClock(): { clock: Clock; fire: () => void } {
  let waiting: (() => void)[] = [];
  const stepped: Clock = {
    ...clock,
    after: (_delayMs, callback) => {
      waiting.push(callback);
      return { cancel: () => (waiting = waiting.filter((one) => one !== callback)) };
    },
  };
  const fire = (): void => {
    const due = waiting;
    waiting = [];
    for (const callback of due) callback();
  };
  return { clock: stepped, fire };
}

async function freeBytes(disk: MemoryFileSystem): Promise<number> {
  return (await disk.space()).freeBytes;
}

describe('a disk that is full', () => {
  test('does not fail the log while its segment has room', async () => {
    const disk = new MemoryFileSystem();
    const { directory, log } = await openMember(disk, DIR, LIMITS);
    disk.limitTo(SEGMENT + 2000);
    const failures: Error[] = [];
    log.onFailure((error) => failures.push(error));
    for (let at = 1; at <= 11; at++) await saved(log, { entries: entries(at, at, 1, 900) });
    await turns(20);
    assert.deepEqual(failures, []);
    assert.deepEqual(contents(log), names(1, 11, 1));
    // Half a spare is no use to anybody, and gone.
    assert.ok((await freeBytes(disk)) > 1000);
    await directory.close();
  });

  test('is waited for where the next segment needs space, and acknowledges nothing until then', async () => {
    const disk = new MemoryFileSystem();
    const time = steppedClock();
    const { directory, log } = await openMember(disk, DIR, LIMITS, { clock: time.clock });
    disk.limitTo(SEGMENT + 2000);
    let acknowledged = 0;
    for (let at = 1; at <= 30; at++) {
      log.save({ entries: entries(at, at, 1, 900) }, () => (acknowledged = at));
      await turns(4);
    }
    assert.ok(acknowledged > 10 && acknowledged < 20, String(acknowledged));
    time.fire();
    await turns(20);
    assert.ok(acknowledged < 20);
    disk.limitTo(10 * SEGMENT);
    time.fire();
    await turns(50);
    assert.equal(acknowledged, 30);
    await directory.close();
    const again = await openMember(disk, DIR, LIMITS);
    assert.deepEqual(contents(again.log), names(1, 30, 1));
    await again.directory.close();
  });

  test('does not keep a log from being closed, and loses nothing acknowledged', async () => {
    const disk = new MemoryFileSystem();
    const { directory, log } = await openMember(disk, DIR, LIMITS);
    disk.limitTo(SEGMENT + 2000);
    let acknowledged = 0;
    for (let at = 1; at <= 30; at++) {
      log.save({ entries: entries(at, at, 1, 900) }, () => (acknowledged = at));
      await turns(4);
    }
    await directory.close();
    disk.limitTo(10 * SEGMENT);
    const again = await openMember(disk, DIR, LIMITS);
    assert.deepEqual(contents(again.log), names(1, acknowledged, 1));
    await again.directory.close();
  });

  test('refuses a snapshot and a larger record without harm to the log', async () => {
    const disk = new MemoryFileSystem();
    const time = steppedClock();
    const { directory, log } = await openMember(disk, DIR, LIMITS, { clock: time.clock });
    const metadata = { index: 1, term: 1, confState: confState(1) };
    await log.bootstrap(metadata, [new Uint8Array(10)]);
    await saved(log, { entries: entries(2, 4, 1) });
    disk.limitTo(SEGMENT + 3000);
    const large = Array.from({ length: 5 }, () => new Uint8Array(1000));
    const next = { ...metadata, index: 3 };
    await assert.rejects(log.writeSnapshot(next, large), { code: 'LOG_FAILED' });
    assert.ok((await freeBytes(disk)) > 1000);
    let done = false;
    log.save({ entries: entries(5, 5, 1, 2 * SEGMENT) }, () => (done = true));
    await turns(20);
    assert.equal(done, false);
    disk.limitTo(10 * SEGMENT);
    time.fire();
    await turns(20);
    assert.equal(done, true);
    assert.equal((await log.writeSnapshot(next, large)).kind, 'written');
    await directory.close();
  });
});

test('retired segments go back to the disk while space is low, and are kept for reuse otherwise', async () => {
  const left: number[] = [];
  for (const low of [false, true]) {
    const disk = new MemoryFileSystem();
    const { directory, log } = await openMember(disk, DIR, LIMITS);
    log.spareSpace(low);
    const metadata = { index: 1, term: 1, confState: confState(1) };
    await log.bootstrap(metadata, [new Uint8Array(10)]);
    for (let at = 2; at <= 100; at++) await saved(log, { entries: entries(at, at, 1, 900) });
    for (const index of [60, 100]) {
      await log.writeSnapshot({ ...metadata, index }, [new Uint8Array(10)]);
      log.compact(index);
    }
    await directory.close();
    const files = await disk.list(`${DIR}/events.raftlog`);
    left.push(files.filter((name) => name.startsWith('spare')).length);
  }
  assert.deepEqual(left, [2, 1]);
});

test('free space is low below the reserve, and has returned somewhat above it', async () => {
  const disk = new MemoryFileSystem();
  const time = steppedClock();
  const changes: boolean[] = [];
  const watch = new SpaceWatch({
    fs: disk,
    dir: DIR,
    clock: time.clock,
    logger,
    reserveBytes: 1000,
    onChange: (low) => changes.push(low),
  });
  disk.limitTo(1000);
  await watch.start();
  assert.deepEqual([watch.low, changes], [false, []]);
  for (const [bytes, low] of [
    [999, true],
    [1010, true],
    [1050, false],
    [1000, false],
    [10, true],
  ] as const) {
    disk.limitTo(bytes);
    time.fire();
    await turns(2);
    assert.equal(watch.low, low, `${bytes} free`);
  }
  assert.deepEqual(changes, [true, false, true]);
  assert.deepEqual(watch.status, { freeBytes: 10, totalBytes: 10, reserveBytes: 1000, low: true });
  watch.stop();
  time.fire();
});

test('a disk that does not tell its space is not low', async () => {
  const disk = new MemoryFileSystem();
  disk.space = () => Promise.reject(new Error('EIO'));
  const options = { fs: disk, dir: DIR, clock, logger, reserveBytes: null };
  const watch = new SpaceWatch({ ...options, onChange: () => assert.fail('nothing is known') });
  await watch.start();
  assert.deepEqual([watch.status, watch.low], [null, false]);
  watch.stop();
});
