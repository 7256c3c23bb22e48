import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { after, describe, test } from 'node:test';
import { type Entry, StorageError } from 'etcd-raft-ts';
import {
  CLUSTER,
  clock,
  confState,
  contents,
  entries,
  entry,
  hardState,
  logger,
  names,
  openMember,
  saved,
  seeded,
} from './fixture.ts';
import {
  ClusterMismatchError,
  type FileSystem,
  type Log,
  LogLockedError,
  MemoryFileSystem,
  NodeFileSystem,
  openDataDirectory,
  RecordTooLargeError,
  SnapshotInvalidError,
  scanLog,
  verifyLog,
} from './index.ts';
import { entryAt } from './testing/member-under-test.ts';

const SMALL = { segmentBytes: 16 * 1024 };
const root = fs.mkdtempSync(path.join(os.tmpdir(), 'lithair-log-'));
after(() => fs.rmSync(root, { recursive: true }));
let directories = 0;

const disks: Record<string, () => FileSystem> = {
  'on the real disk': () => new NodeFileSystem(),
  'on the disk in memory': () => new MemoryFileSystem(),
};
const text = (value: string) => new TextEncoder().encode(value);

const unavailable = (error: unknown) =>
  error instanceof StorageError && error.code === 'UNAVAILABLE';

async function collect(chunks: AsyncIterable<Uint8Array> | null): Promise<string[]> {
  const result: string[] = [];
  for await (const chunk of chunks ?? []) result.push(new TextDecoder().decode(chunk));
  return result;
}

function metadata(index: number, term: number, ...voters: number[]) {
  return { index, term, confState: confState(...(voters.length > 0 ? voters : [1])) };
}

const hex = (data: Uint8Array = new Uint8Array(0)) => Buffer.from(data).toString('hex');
const shown = ({ data, ...rest }: Entry) => ({ ...rest, data: hex(data) });

async function* each(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000);
}

async function* brokenOff(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield* each(bytes);
  throw new Error('the link was cut');
}

function newPlace(disk: FileSystem) {
  directories += 1;
  return { disk, dir: path.join(root, `d${directories}`) };
}

for (const [name, make] of Object.entries(disks)) {
  describe(`a log ${name}`, () => {
    test('is empty when it is new', async () => {
      const { disk, dir } = newPlace(make());
      const { directory, log } = await openMember(disk, dir);
      assert.equal(log.recovery.empty, true);
      assert.deepEqual([log.firstIndex(), log.lastIndex(), log.term(0)], [1, 0, 0]);
      assert.equal(log.initialState().hardState, null);
      assert.equal(log.readSnapshot(), null);
      assert.throws(() => log.snapshot(), { code: 'SNAPSHOT_TEMPORARILY_UNAVAILABLE' });
      await directory.close();
    });

    test('gives back entries, hard state and membership after it was opened again', async () => {
      const { disk, dir } = newPlace(make());
      const first = await openMember(disk, dir);
      await saved(first.log, { entries: entries(1, 5, 1), hardState: hardState(1, 1, 3) });
      await saved(first.log, { confState: { index: 2, confState: confState(1, 2, 3) } });
      await first.directory.close();
      const { directory, log } = await openMember(disk, dir);
      assert.equal(log.recovery.empty, false);
      assert.deepEqual(contents(log), names(1, 5, 1));
      const state = { hardState: hardState(1, 1, 3), confState: confState(1, 2, 3) };
      assert.deepEqual(log.initialState(), state);
      assert.deepEqual(log.recovery.confState, { index: 2, confState: confState(1, 2, 3) });
      assert.deepEqual(log.entries(2, 3, 0)[0], entry(2, 1));
      await directory.close();
    });

    test('keeps the types of entries, and entries without bytes', async () => {
      const { disk, dir } = newPlace(make());
      const first = await openMember(disk, dir);
      const data = [new Uint8Array(0), text('a'), text('b')];
      const written = ([0, 1, 2] as const).map((type, i) => {
        return { index: i + 1, term: 4, type, data: data[i] ?? text('') };
      });
      await saved(first.log, { entries: written });
      await first.directory.close();
      const { directory, log } = await openMember(disk, dir);
      assert.deepEqual(log.entries(1, 4, 1000), written);
      await directory.close();
    });

    test('a later entry of the same index replaces the tail, also after a restart', async () => {
      const { disk, dir } = newPlace(make());
      const first = await openMember(disk, dir);
      const done = saved(first.log, { entries: entries(1, 8, 1) });
      await saved(first.log, { entries: entries(4, 5, 2) });
      await done;
      const expected = [...names(1, 3, 1), ...names(4, 5, 2)];
      assert.deepEqual(contents(first.log), expected);
      assert.equal(first.log.term(5), 2);
      await first.directory.close();
      const { directory, log } = await openMember(disk, dir);
      assert.deepEqual(contents(log), expected);
      await directory.close();
    });

    test('answers outside its bounds as the core expects', async () => {
      const { disk, dir } = newPlace(make());
      const { directory, log } = await openMember(disk, dir);
      await saved(log, { entries: entries(1, 3, 1) });
      assert.throws(() => log.term(4), unavailable);
      assert.throws(() => log.entries(2, 5, 100), unavailable);
      assert.equal(log.entries(1, 4, 0).length, 1);
      await directory.close();
    });

    test('callbacks come in order, and requests that wait share a batch', async () => {
      const { disk, dir } = newPlace(make());
      const { directory, log } = await openMember(disk, dir);
      const before = log.statistics.batches;
      const order: number[] = [];
      const all = entries(1, 50, 1).map(
        (one) =>
          new Promise<void>((resolve) =>
            log.save({ entries: [one] }, () => {
              assert.ok(log.durableIndex >= one.index);
              order.push(one.index);
              resolve();
            }),
          ),
      );
      assert.equal(log.lastIndex(), 50);
      await Promise.all(all);
      assert.deepEqual(
        order,
        entries(1, 50, 1).map(({ index }) => index),
      );
      assert.ok(log.statistics.batches - before <= 2);
      await directory.close();
    });

    test('goes on over many segments, with entries larger than one, and a small cache', async () => {
      const { disk, dir } = newPlace(make());
      const options = { ...SMALL, cacheBytes: 2000, maxBatchBytes: 3000 };
      const first = await openMember(disk, dir, options);
      for (let at = 1; at <= 200; at += 10) {
        await saved(first.log, {
          entries: entries(at, at + 9, 1, at === 51 ? 30_000 : 700),
          hardState: hardState(1, 1, at),
        });
      }
      assert.deepEqual(contents(first.log), names(1, 200, 1));
      assert.ok(first.log.statistics.segments > 10);
      assert.ok(first.log.statistics.cachedBytes <= 2000);
      await first.directory.close();
      const heard: [read: number, of: number][] = [];
      const onRecovering = (read: number, of: number): void => void heard.push([read, of]);
      const { directory, log } = await openMember(disk, dir, { ...options, onRecovering });
      const { segments } = log.recovery;
      assert.deepEqual(
        heard,
        Array.from({ length: segments }, (_, read) => [read, segments]),
      );
      assert.deepEqual(contents(log), names(1, 200, 1));
      assert.deepEqual(log.initialState().hardState, hardState(1, 1, 191));
      assert.equal(log.recovery.truncatedBytes, 0);
      await directory.close();
      const report = await verifyLog({ dir, fs: disk });
      assert.equal(report.problem, null);
      assert.deepEqual([report.firstIndex, report.lastIndex], [1, 200]);
    });

    test('begins a cluster with a first snapshot', async () => {
      const { disk, dir } = newPlace(make());
      const first = await openMember(disk, dir);
      await first.log.bootstrap(metadata(1, 1), [text('one'), text(''), text('two')]);
      await saved(first.log, { entries: entries(2, 4, 1) });
      await first.directory.close();
      const { directory, log } = await openMember(disk, dir);
      assert.deepEqual([log.firstIndex(), log.lastIndex(), log.term(1)], [2, 4, 1]);
      assert.deepEqual(log.initialState(), {
        hardState: hardState(1, 0, 1),
        confState: confState(1),
      });
      assert.deepEqual(log.snapshot().metadata, metadata(1, 1));
      assert.deepEqual(await collect(log.readSnapshot()), ['one', 'two']);
      await assert.rejects(log.bootstrap(metadata(1, 1), []), { code: 'LOG_FORMAT' });
      await directory.close();
    });

    test('compacts up to the previous snapshot, recycles segments and recovers', async () => {
      const { disk, dir } = newPlace(make());
      const first = await openMember(disk, dir, SMALL);
      await first.log.bootstrap(metadata(1, 1), [text('s1')]);
      await saved(first.log, { entries: entries(2, 100, 1, 700) });
      await first.log.writeSnapshot(metadata(60, 1), [text('s60')]);
      assert.equal(first.log.compact(60), 1);
      await first.log.writeSnapshot(metadata(90, 1), [text('s90')]);
      assert.equal(first.log.compact(90), 60);
      assert.equal(first.log.firstIndex(), 61);
      assert.throws(() => first.log.entries(60, 62, 9), { code: 'COMPACTED' });
      assert.equal(first.log.term(60), 1);
      const before = first.log.statistics.segments;
      await saved(first.log, {
        entries: entries(101, 200, 1, 700),
        hardState: hardState(1, 1, 150),
      });
      await first.directory.close();
      assert.ok(first.log.statistics.segments < before + 7);
      const { directory, log } = await openMember(disk, dir, SMALL);
      assert.deepEqual(contents(log), names(61, 200, 1));
      assert.equal(log.term(60), 1);
      assert.deepEqual(await collect(log.readSnapshot()), ['s90']);
      await directory.close();
    });

    test('falls back to the previous snapshot where the current one is broken', async () => {
      const { disk, dir } = newPlace(make());
      const first = await openMember(disk, dir);
      await first.log.bootstrap(metadata(1, 1), [text('s1')]);
      await saved(first.log, { entries: entries(2, 9, 1) });
      await first.log.writeSnapshot(metadata(5, 1, 1, 2), [text('s5')]);
      first.log.compact(5);
      await first.directory.close();
      await damage(disk, `${dir}/state.raftsnap`, -30);
      const report = await verifyLog({ dir, fs: disk });
      assert.equal(report.problem?.file, 'state.raftsnap');
      const second = await openMember(disk, dir);
      assert.match(second.log.recovery.snapshotFallback ?? '', /state.raftsnap is corrupt/);
      assert.deepEqual(await collect(second.log.readSnapshot()), ['s1']);
      assert.deepEqual(second.log.initialState().confState, confState(1));
      assert.deepEqual(contents(second.log), names(2, 9, 1));
      await second.log.writeSnapshot(metadata(7, 1), [text('s7')]);
      await second.directory.close();
      await damage(disk, `${dir}/state.raftsnap`, 0);
      const third = await openMember(disk, dir);
      assert.deepEqual(await collect(third.log.readSnapshot()), ['s1']);
      await third.directory.close();
      await damage(disk, `${dir}/state.raftsnap.prev`, 40);
      await assert.rejects(openMember(disk, dir), { code: 'LOG_CORRUPT' });
    });

    test('tells of a damaged previous snapshot beside a sound one', async () => {
      const { disk, dir } = newPlace(make());
      const first = await openMember(disk, dir);
      await first.log.bootstrap(metadata(1, 1), [text('s1')]);
      await saved(first.log, { entries: entries(2, 9, 1) });
      await first.log.writeSnapshot(metadata(5, 1), [text('s5')]);
      await first.directory.close();
      await damage(disk, `${dir}/state.raftsnap.prev`, 40);
      const told: unknown[] = [];
      const error = (...line: unknown[]): void => void told.push(line);
      const second = await openMember(disk, dir, {}, { logger: { ...logger, error } });
      assert.deepEqual(await collect(second.log.readSnapshot()), ['s5']);
      assert.match(
        JSON.stringify(told),
        /state\.raftsnap\.prev is corrupt.*previous snapshot is dam/,
      );
      await second.directory.close();
    });

    test('installs a snapshot of the leader and goes on behind it', async () => {
      const { disk, dir } = newPlace(make());
      const leader = await openMember(disk, dir);
      await leader.log.bootstrap(metadata(1, 1), [text('s1')]);
      await saved(leader.log, { entries: entries(2, 50, 3) });
      await leader.log.writeSnapshot(metadata(40, 3, 1, 2), [text('big'), text('state')]);
      const stream = await leader.log.openSnapshotStream();
      assert.ok(stream);
      await leader.log.writeSnapshot(metadata(45, 3), [text('newer')]);
      const other = newPlace(make());
      const follower = await openMember(other.disk, other.dir);
      await saved(follower.log, { entries: entries(1, 60, 2), hardState: hardState(2, 1, 20) });
      const received = await follower.log.receiveSnapshot(stream.chunks);
      assert.deepEqual(received, { metadata: metadata(40, 3, 1, 2), bytes: stream.bytes });
      assert.deepEqual(contents(follower.log), names(1, 60, 2));
      const state = hardState(3, 0, 40);
      const request = {
        snapshot: received.metadata,
        entries: entries(41, 42, 3),
        hardState: state,
      };
      await saved(follower.log, request);
      const check = async (log: Log) => {
        assert.deepEqual(contents(log), names(41, 42, 3));
        assert.equal(log.term(40), 3);
        assert.deepEqual(log.initialState(), { hardState: state, confState: confState(1, 2) });
        assert.deepEqual(await collect(log.readSnapshot()), ['big', 'state']);
      };
      await check(follower.log);
      await follower.directory.close();
      const again = await openMember(other.disk, other.dir);
      await check(again.log);
      await again.directory.close();
      await leader.directory.close();
    });

    test('a snapshot that breaks off on its way in goes on where it was, and is verified whole', async () => {
      const { disk, dir } = newPlace(make());
      const leader = await openMember(disk, dir);
      const chunks = Array.from({ length: 30 }, (_, i) => new Uint8Array(20_000).fill(i));
      await leader.log.bootstrap(metadata(40, 3, 1, 2), chunks);
      const stream = await leader.log.openSnapshotStream();
      assert.ok(stream);
      const whole = Buffer.concat(await Array.fromAsync(stream.from(0)));
      assert.equal(whole.length, stream.bytes);
      const other = newPlace(make());
      const { directory, log } = await openMember(other.disk, other.dir);
      const cut = (from: number, to: number) =>
        log.receiveSnapshot(brokenOff(whole.subarray(from, to)), from);

      await assert.rejects(cut(0, 10), /the link was cut/);
      assert.equal(log.receivedPart, null, 'nothing tells yet which snapshot it is');
      for (const [from, to] of [
        [0, 5000],
        [5000, 5001],
        [5001, 400_000],
        [400_000, whole.length - 1],
      ] as const) {
        await assert.rejects(cut(from, to), /the link was cut/);
        assert.deepEqual(log.receivedPart, { identity: stream.identity, bytes: to });
      }
      const received = await log.receiveSnapshot(stream.from(whole.length - 1), whole.length - 1);
      assert.deepEqual(received, { metadata: metadata(40, 3, 1, 2), bytes: stream.bytes });
      assert.equal(log.receivedPart, null);

      await assert.rejects(cut(0, 100_000), /the link was cut/);
      const wrong = log.receiveSnapshot(stream.from(100_001), 100_001);
      await assert.rejects(wrong, SnapshotInvalidError);
      assert.equal(log.receivedPart, null);

      await assert.rejects(cut(0, 100_000), /the link was cut/);
      const changed = Buffer.from(whole.subarray(100_000));
      changed[50_000] = (changed[50_000] ?? 0) ^ 1;
      await assert.rejects(log.receiveSnapshot(each(changed), 100_000), SnapshotInvalidError);
      assert.equal(log.receivedPart, null);

      await assert.rejects(cut(0, 100_000), /the link was cut/);
      const anew = await log.receiveSnapshot(stream.from(0));
      await saved(log, { snapshot: anew.metadata, hardState: hardState(3, 0, 40) });
      assert.deepEqual(
        Buffer.concat(await Array.fromAsync(log.readSnapshot() ?? [])),
        Buffer.concat(chunks),
      );
      await assert.rejects(cut(0, 100_000), /the link was cut/);
      await directory.close();
      await stream.close();
      await leader.directory.close();
    });

    test('refuses a snapshot that is cut short, changed, or of another cluster', async () => {
      const { disk, dir } = newPlace(make());
      const { directory, log } = await openMember(disk, dir);
      await log.bootstrap(metadata(1, 1), [text('chunk one'), text('chunk two')]);
      const raw: number[] = [];
      const stream = await log.openSnapshotStream();
      for await (const piece of stream?.chunks ?? []) raw.push(...piece);
      const send = (bytes: number[]) =>
        log.receiveSnapshot(
          (async function* () {
            for (const byte of bytes) yield new Uint8Array([byte]);
          })(),
        );
      await assert.rejects(send(raw.slice(0, -1)), SnapshotInvalidError);
      await assert.rejects(send([...raw, 0]), SnapshotInvalidError);
      for (let at = 0; at < raw.length; at += 7) {
        const changed = raw.map((byte, i) => (i === at ? byte ^ 4 : byte));
        await assert.rejects(send(changed), { name: /SnapshotInvalid|NotALog/ });
      }
      assert.deepEqual((await send(raw)).metadata, metadata(1, 1));
      assert.deepEqual(await collect(log.readSnapshot()), ['chunk one', 'chunk two']);
      await directory.close();
    });

    test('a second opener is refused, also in the same process, until the first is gone', async () => {
      const { disk, dir } = newPlace(make());
      const { directory } = await openMember(disk, dir);
      await assert.rejects(openMember(disk, dir), (error: unknown) => {
        return error instanceof LogLockedError && error.message.includes(dir);
      });
      await directory.close();
      const again = await openMember(disk, dir);
      await again.directory.close();
    });

    test('a directory keeps its cluster, member and disk', async () => {
      const { disk, dir } = newPlace(make());
      const options = { dir, fs: disk, clock, random: seeded(1), logger };
      const directory = await openDataDirectory(options);
      assert.equal(directory.identity, null);
      const blank = { diskUuid: 'd', name: 'n1', clusterId: null, memberId: null };
      await directory.writeIdentity(blank);
      assert.throws(() => directory.openLog(), RangeError);
      const member = { ...blank, clusterId: CLUSTER, memberId: 3 };
      await directory.writeIdentity(member);
      const changes = [{ clusterId: 'other' }, { memberId: 4 }, { diskUuid: 'e' }];
      for (const change of changes) {
        const other = directory.writeIdentity({ ...member, ...change });
        await assert.rejects(other, ClusterMismatchError);
      }
      await directory.writeIdentity({ ...member, name: 'renamed' });
      await directory.close();
      const again = await openDataDirectory(options);
      assert.deepEqual(again.identity, { ...member, name: 'renamed' });
      await again.close();
    });

    test('a member whose log is gone is refused, because its votes are gone too', async () => {
      const { disk, dir } = newPlace(make());
      const { directory } = await openMember(disk, dir);
      await directory.close();
      for (const file of await disk.list(`${dir}/events.raftlog`)) {
        await disk.remove(`${dir}/events.raftlog/${file}`);
      }
      await assert.rejects(openMember(disk, dir), /the log is gone/);
    });

    test('an entry that is too large is refused, and nothing of the request is kept', async () => {
      const { disk, dir } = newPlace(make());
      const { directory, log } = await openMember(disk, dir);
      const huge = { ...entry(2, 1), data: new Uint8Array(65 * 1024 * 1024) };
      const request = { entries: [entry(1, 1), huge] };
      assert.throws(() => log.save(request, () => assert.fail()), RecordTooLargeError);
      assert.equal(log.lastIndex(), 0);
      await directory.close();
    });

    test('entries are packed where that is asked for, and given back as they were', async () => {
      const { disk, dir } = newPlace(make());
      let codec: 'json' | 'binary' = 'binary';
      const options = { ...SMALL, cacheBytes: 0, codec: () => codec };
      const first = await openMember(disk, dir, options);
      const written = Array.from({ length: 60 }, (_, i) => entryAt(i + 1, 1));
      const foreign = { ...entry(61, 1, 500), type: 1 } as const;
      await saved(first.log, { entries: written.slice(0, 30) });
      codec = 'json';
      await saved(first.log, { entries: written.slice(30) });
      codec = 'binary';
      await saved(first.log, { entries: [foreign, entry(62, 1)] });
      await first.directory.close();
      const { directory, log } = await openMember(disk, dir, options);
      const expected = [...written, foreign, entry(62, 1)];
      assert.deepEqual(log.entries(1, 63, Infinity).map(shown), expected.map(shown));
      const codecs: number[] = [];
      for await (const record of scanLog({ dir, fs: disk })) {
        if (record.index === 0 || !record.kind.match(/entry|confChange/)) continue;
        codecs.push(record.codec);
        assert.equal(hex(record.data), hex(expected[record.index - 1]?.data));
      }
      assert.deepEqual(codecs, [...Array(30).fill(2), ...Array(32).fill(1)]);
      assert.equal((await verifyLog({ dir, fs: disk })).problem, null);
      await directory.close();
    });

    test('a running log can be scanned from outside', async () => {
      const { disk, dir } = newPlace(make());
      const { directory, log } = await openMember(disk, dir, SMALL);
      await saved(log, { entries: entries(1, 100, 2, 300), hardState: hardState(2, 1, 9) });
      const found: string[] = [];
      for await (const record of scanLog({ dir, fs: disk })) {
        assert.deepEqual([record.group, record.key], [1, 0]);
        if (record.kind === 'entry') found.push(`${record.index}/${record.term}`);
      }
      assert.deepEqual(found, names(1, 100, 2));
      const report = await verifyLog({ dir, fs: disk });
      assert.deepEqual([report.problem, report.lastIndex, report.memberId], [null, 100, 1]);
      assert.deepEqual(report.hardState, hardState(2, 1, 9));
      await directory.close();
    });

    test('what is not a log is refused by name', async () => {
      const { disk, dir } = newPlace(make());
      const drain = async (where: string) => {
        for await (const _ of scanLog({ dir: where, fs: disk }));
      };
      await assert.rejects(drain(dir), { code: 'NOT_A_LOG', path: dir });
      await disk.makeDirectory(dir);
      await assert.rejects(drain(dir), { code: 'NOT_A_LOG', path: dir });
      await assert.rejects(
        openMember(disk, `${dir}/x`).then(() => drain(`${dir}/x/node.json`)),
        {
          code: 'NOT_A_LOG',
        },
      );
    });
  });
}

/** Changes one byte of a file; a negative position counts from its end. */
async function damage(disk: FileSystem, file: string, position: number): Promise<void> {
  const opened = await disk.open(file, 'write');
  const byte = new Uint8Array(1);
  const at = position < 0 ? opened.size() + position : position;
  opened.read(byte, at);
  byte[0] = (byte[0] ?? 0) ^ 0x10;
  await new Promise<void>((resolve) => opened.write(byte, at, () => resolve()));
  await opened.close();
}
