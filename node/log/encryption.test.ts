import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  formatKeyring,
  type KeyRecord,
  MasterKeys,
  newKey,
  parseKeyring,
} from '../encryption/index.ts';
import { crc32c } from './crc32c.ts';
import {
  confState,
  contents,
  entries,
  hardState,
  names,
  openMember,
  saved,
  seeded,
} from './fixture.ts';
import {
  createFile,
  followLog,
  LogCorruptError,
  MemoryFileSystem,
  openFile,
  readFile,
  scanLog,
  scanSnapshots,
  verifyLog,
} from './index.ts';

const DIR = '/data';
const FIRST = `${DIR}/events.raftlog/0000000000000001.seg`;
const SMALL = { segmentBytes: 16 * 1024 };

function ring(...bytes: number[]) {
  const all: KeyRecord[] = [];
  for (const byte of bytes) all.push(newKey(all, new Uint8Array(32).fill(byte), '2026-01-01'));
  return parseKeyring(formatKeyring(all), 'keys.json');
}

const masters = (...bytes: number[]) => new MasterKeys(ring(...bytes));
const keysOf = (...bytes: number[]) => masters(...bytes).of('d1', seeded(3));
const position = (index: number) => ({ index, term: 1, confState: confState(1) });
const state = (index: number) => [new TextEncoder().encode(`state ${index} `.repeat(20_000))];

/** All bytes below a directory, as text. */
async function allBytes(fs: MemoryFileSystem, path = DIR): Promise<string> {
  const texts: string[] = [];
  for (const name of await fs.list(path)) {
    const inner = `${path}/${name}`;
    const kind = (await fs.stat(inner))?.kind;
    if (kind === 'directory') texts.push(await allBytes(fs, inner));
    else texts.push(new TextDecoder('latin1').decode(await readFile(fs, inner)));
  }
  return texts.join('\n');
}

async function text(chunks: AsyncIterable<Uint8Array> | null): Promise<string> {
  let all = '';
  for await (const chunk of chunks ?? []) all += new TextDecoder().decode(chunk);
  return all;
}

async function filled(keys = keysOf(1)) {
  const fs = new MemoryFileSystem();
  const { directory, log } = await openMember(fs, DIR, { keys, cacheBytes: 0 });
  await saved(log, { entries: entries(1, 300, 1), hardState: hardState(1, 1, 300) });
  await log.writeSnapshot(position(100), state(100));
  await log.writeSnapshot(position(200), state(200));
  return { fs, directory, log };
}

/** Changes bytes of a segment's record, and makes its checksums right again. */
async function forge(
  fs: MemoryFileSystem,
  record: number,
  change: (bytes: Uint8Array, at: number) => void,
): Promise<void> {
  const file = await fs.open(FIRST, 'write');
  const bytes = new Uint8Array(file.size());
  file.read(bytes, 0);
  const view = new DataView(bytes.buffer);
  const salt = view.getUint32(12, true);
  let [at, previous] = [4096, salt];
  for (let position = 0; view.getUint8(at + 20) !== 0; position++) {
    if (position === record) change(bytes, at);
    const length = view.getUint32(at + 4, true);
    view.setUint32(at + 8, crc32c(bytes, at + 48, at + 48 + length, 0), true);
    view.setUint32(at + 12, previous, true);
    previous = crc32c(bytes, at + 4, at + 48, salt);
    view.setUint32(at, previous, true);
    at += Math.ceil((48 + length) / 8) * 8;
  }
  await new Promise<void>((resolve) => file.write(bytes, 0, () => resolve()));
  await file.close();
}

/** The place of the first record of that index. */
async function placeOf(fs: MemoryFileSystem, index: number) {
  for await (const record of scanLog({ dir: DIR, fs, keys: masters(1) })) {
    if (record.kind === 'entry' && record.index === index) return record;
  }
  throw new Error(`no entry ${index}`);
}

describe('an encrypted log', () => {
  test('has nothing of what it holds on the disk, and gives it back', async () => {
    const { fs, directory, log } = await filled();
    assert.deepEqual(contents(log), names(1, 300, 1));
    assert.equal(
      await text(log.readSnapshot()),
      state(200)
        .map((b) => new TextDecoder().decode(b))
        .join(''),
    );
    await directory.close();
    const bytes = await allBytes(fs);
    assert.doesNotMatch(bytes, /\/1\/|state/);
    const again = await openMember(fs, DIR, { ...SMALL, keys: keysOf(1), cacheBytes: 0 });
    assert.deepEqual(contents(again.log), names(1, 300, 1));
    await saved(again.log, { entries: entries(301, 310, 1) });
    assert.deepEqual(contents(again.log), names(1, 310, 1));
    await again.directory.close();
    assert.doesNotMatch(await allBytes(fs), /\/1\//);
  });

  test('is recovered from a torn end, and its salt never encrypts twice the same', async () => {
    const { fs } = await filled();
    const torn = fs.crash('power', () => 0);
    const again = await openMember(torn, DIR, { ...SMALL, keys: keysOf(1), cacheBytes: 0 });
    assert.deepEqual(contents(again.log), names(1, 300, 1));
    await again.directory.close();
    const [one, two] = [await filled(), await filled(masters(1).of('d1', seeded(4)))];
    assert.notDeepEqual(await readFile(one.fs, FIRST), await readFile(two.fs, FIRST));
  });

  test('is not opened without its key, or with another, and says which and where', async () => {
    const { fs, directory } = await filled();
    await directory.close();
    const refusals = [
      [null, 'KEYS_MISSING', /is encrypted with key 1, and no keys were given \(--keys FILE\)$/],
      [keysOf(2), 'KEY_WRONG', /is encrypted with another key 1 than that of keys\.json$/],
      [masters(1).of('d2', null), 'KEY_WRONG', /another key 1/],
    ] as const;
    for (const [keys, code, message] of refusals) {
      const opened = openMember(
        fs.crash('process', () => 0),
        DIR,
        { ...SMALL, keys },
      );
      await assert.rejects(opened, { code, message });
    }
  });

  test('names the record whose bytes were changed and whose checksums are right', async () => {
    const { fs, directory } = await filled();
    await directory.close();
    const { offset, record } = await placeOf(fs, 7);
    await forge(fs, record, (bytes, at) => {
      bytes[at + 70] = (bytes[at + 70] ?? 0) ^ 1;
    });
    const { problem } = await verifyLog({ dir: DIR, fs, keys: masters(1) });
    const place = { file: '0000000000000001.seg', offset, record };
    assert.deepEqual({ ...problem, reason: '' }, { ...place, reason: '' });
    assert.match(problem?.reason ?? '', /does not authenticate under key 1/);
    // What checksums tell is all that can be known without keys.
    await assert.rejects(verifyLog({ dir: DIR, fs }), { code: 'KEYS_MISSING' });
    const { log, directory: again } = await openMember(fs, DIR, { ...SMALL, keys: keysOf(1) });
    assert.throws(
      () => log.entries(1, 20, 1e6),
      /0000000000000001\.seg.*entry 7: it does not auth/,
    );
    await again.close();
  });

  test('names a record that stands in for another one, and one that is not encrypted', async () => {
    const { fs, directory } = await filled();
    await directory.close();
    const [seventh, eighth] = [await placeOf(fs, 7), await placeOf(fs, 8)];
    const [swapped, bare] = [fs.crash('process', () => 0), fs.crash('process', () => 0)];
    await forge(swapped, eighth.record, (bytes, at) => {
      const from = seventh.offset + 48;
      bytes.copyWithin(at + 48, from, from + 40 + 28);
    });
    const moved = await verifyLog({ dir: DIR, fs: swapped, keys: masters(1) });
    assert.equal(moved.problem?.record, eighth.record);
    await forge(bare, seventh.record, (bytes, at) =>
      new DataView(bytes.buffer).setUint32(at + 28, 0),
    );
    const plain = await verifyLog({ dir: DIR, fs: bare, keys: masters(1) });
    assert.equal(plain.problem?.record, seventh.record);
  });

  test('can be read by tools with its keys alone', async () => {
    const { fs, directory } = await filled();
    await directory.close();
    const found: string[] = [];
    for await (const { kind, data } of scanLog({ dir: DIR, fs, keys: masters(1) })) {
      if (kind === 'entry') found.push(new TextDecoder().decode(data).slice(0, 4));
    }
    assert.equal(found.length, 300);
    assert.equal(found[41], '42/1');
    const [oldest] = await scanSnapshots({ dir: DIR, fs, keys: masters(1) });
    assert.match(await text(oldest?.chunks ?? null), /^state 100 /);
    await assert.rejects(scanLog({ dir: DIR, fs }).next(), { code: 'KEYS_MISSING' });
    await assert.rejects(scanSnapshots({ dir: DIR, fs }), { code: 'KEYS_MISSING' });
    const following = followLog({ dir: DIR, fs, keys: masters(1) }, async () => {});
    assert.equal((await following.next()).done, false);
    await following.return(undefined);
    assert.equal((await verifyLog({ dir: DIR, fs, keys: masters(1) })).problem, null);
  });

  test('falls back to the previous snapshot where the current one is damaged', async () => {
    const { fs, directory } = await filled();
    await directory.close();
    const file = await fs.open(`${DIR}/state.raftsnap`, 'write');
    await new Promise<void>((done) => file.write(new Uint8Array(9), 70_000, () => done()));
    await file.close();
    const { log, directory: again } = await openMember(fs, DIR, { ...SMALL, keys: keysOf(1) });
    assert.match(log.recovery.snapshotFallback ?? '', /does not authenticate under key 1/);
    assert.match(await text(log.readSnapshot()), /^state 100 /);
    await again.close();
  });

  test('sends its snapshot in plain, and takes one in encrypted', async () => {
    const { log } = await filled();
    const stream = await log.openSnapshotStream();
    const pieces: Uint8Array[] = [];
    for await (const piece of stream?.chunks ?? []) pieces.push(piece);
    assert.equal(
      stream?.bytes,
      pieces.reduce((sum, { length }) => sum + length, 0),
    );
    assert.match(Buffer.concat(pieces).toString('latin1'), /state 200/);
    const source = async function* () {
      yield* pieces;
    };
    const other = new MemoryFileSystem();
    const withKeys = await openMember(other, DIR, { ...SMALL, keys: keysOf(5), encrypts: false });
    await withKeys.log.receiveSnapshot(source());
    await saved(withKeys.log, { snapshot: position(200) });
    assert.doesNotMatch(await allBytes(other), /state 200/);
    assert.match(await text(withKeys.log.readSnapshot()), /state 200/);
    const bare = new MemoryFileSystem();
    const without = await openMember(bare, DIR, SMALL);
    await assert.rejects(without.log.receiveSnapshot(source()), { code: 'KEYS_MISSING' });
    assert.doesNotMatch(await allBytes(bare), /state 200/);
  });

  test('goes on under a new key, and what had the old one goes', async () => {
    const keys = masters(1);
    const { fs, directory, log } = await filled(keys.of('d1', seeded(3)));
    keys.replace(ring(1, 2));
    log.encrypt(true);
    await saved(log, { entries: entries(301, 320, 1), hardState: hardState(1, 1, 320) });
    await log.writeSnapshot(position(310), state(310));
    await log.writeSnapshot(position(320), state(320));
    assert.equal(await log.erase(320), 310);
    await directory.close();
    const again = await openMember(fs, DIR, { ...SMALL, keys: keysOf(1, 2) });
    assert.deepEqual(contents(again.log), names(311, 320, 1));
    await again.directory.close();
    keys.replace(ring(9, 2));
    const without1 = await openMember(fs, DIR, { ...SMALL, keys: keys.of('d1', seeded(5)) });
    assert.deepEqual(contents(without1.log), names(311, 320, 1));
    await without1.directory.close();
  });

  test('begins in plain and is encrypted from a moment on, and the other way round', async () => {
    const fs = new MemoryFileSystem();
    const options = { ...SMALL, keys: keysOf(1), encrypts: false, cacheBytes: 0 };
    const { directory, log } = await openMember(fs, DIR, options);
    await saved(log, { entries: entries(1, 10, 1) });
    log.encrypt(true);
    await saved(log, { entries: entries(11, 20, 1) });
    log.encrypt(false);
    await saved(log, { entries: entries(21, 30, 1), hardState: hardState(1, 1, 30) });
    const bytes = await allBytes(fs);
    const isThere = (index: number) => bytes.includes(`${index}/1/`);
    assert.deepEqual([10, 11, 20, 21].map(isThere), [true, false, false, true]);
    assert.deepEqual(contents(log), names(1, 30, 1));
    await directory.close();
  });
});

describe('a sealed file', () => {
  const fs = new MemoryFileSystem();
  const keys = keysOf(1);

  async function written(path: string, length: number): Promise<Uint8Array> {
    const content = seeded(length).fill(new Uint8Array(length));
    const file = await createFile(fs, path, { keys, purpose: 'test' });
    for (let at = 0; at < length; at += 10_000)
      await file.append(content.subarray(at, at + 10_000));
    await file.finish();
    await file.close();
    return content;
  }

  for (const length of [0, 1, 65_535, 65_536, 65_537, 131_072, 300_000]) {
    test(`of ${length} bytes reads as it was written, from anywhere`, async () => {
      const content = await written('/f', length);
      const file = await openFile(fs, '/f', 'f', keys, 'test');
      assert.deepEqual([file.size(), file.keyId], [length, 1]);
      for (const at of [0, 1, 65_530, 65_536, length - 1, length]) {
        const target = new Uint8Array(1000);
        const read = file.read(target, Math.max(0, at));
        const expected = content.subarray(Math.max(0, at), at + 1000);
        assert.deepEqual(target.subarray(0, read), expected);
      }
    });
  }

  test('does not open when it was cut at a block, or when blocks changed their places', async () => {
    await written('/f', 200_000);
    const bytes = await readFile(fs, '/f');
    const block = 65_536 + 16;
    const put = async (content: Uint8Array) => {
      const file = await fs.open('/g', 'create');
      await new Promise<void>((done) => file.write(content, 0, () => done()));
      await file.close();
      const sealed = await openFile(fs, '/g', 'g', keys, 'test');
      return () => sealed.read(new Uint8Array(sealed.size()), 0);
    };
    const cut = await put(bytes.slice(0, 64 + 2 * block));
    assert.throws(cut, (error) => error instanceof LogCorruptError && error.place.record === 1);
    const swapped = bytes.slice();
    swapped.copyWithin(64, 64 + block, 64 + 2 * block);
    assert.throws(await put(swapped), (e) => e instanceof LogCorruptError && e.place.record === 0);
    await assert.rejects(openFile(fs, '/f', 'f', keys, 'other'), { code: 'KEY_WRONG' });
    const header = bytes.slice();
    header[20] = 1;
    await assert.rejects(put(header), /g is corrupt: its header does not match its checksum/);
    await assert.rejects(put(bytes.slice(0, 64)), /it is cut short/);
  });
});
