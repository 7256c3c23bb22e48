import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryFileSystem } from '../log/index.ts';
import { type AuditParts, scanAudit } from './index.ts';
import {
  DAY_MS,
  DIR,
  entryOf,
  FIRST,
  idsIn,
  keysOf,
  opened,
  settled,
  turns,
  type World,
} from './testing/audit-world.ts';

async function bytesOf(fs: MemoryFileSystem, name: string): Promise<Buffer> {
  const file = await fs.open(`${DIR}/audit/${name}`, 'read');
  const bytes = Buffer.alloc(file.size());
  file.read(bytes, 0);
  await file.close();
  return bytes;
}

async function overwrite(
  fs: MemoryFileSystem,
  name: string,
  at: number,
  text: string | Buffer,
  how: 'write' | 'create' = 'write',
) {
  const file = await fs.open(`${DIR}/audit/${name}`, how);
  await new Promise<void>((resolve, reject) => {
    file.write(Buffer.from(text), at, (error) => (error === null ? resolve() : reject(error)));
  });
  await file.close();
}

test('entries are there in order, across starts and files, each after the one before', async () => {
  const fs = new MemoryFileSystem();
  for (const start of ['a', 'b', 'c']) {
    const { log } = await opened(fs, { limits: { segmentBytes: 600 } });
    await Promise.all([1, 2, 3, 4, 5].map((i) => log.record(entryOf(`${start}${i}`))));
    await log.record(entryOf(`${start}6`));
    await log.close();
  }
  const expected = ['a', 'b', 'c'].flatMap((start) => [1, 2, 3, 4, 5, 6].map((i) => start + i));
  assert.deepEqual(await idsIn(fs), expected);
  const sequences: unknown[] = [];
  for await (const entry of scanAudit({ fs, dir: DIR })) {
    sequences.push(entry['sequence']);
    assert.deepEqual(
      [entry['subject'], entry['operation'], entry['outcome'], entry['parameters']],
      ['doctor', 'read', 'allowed', ['fields']],
    );
  }
  assert.deepEqual(
    sequences,
    expected.map((_, i) => i + 1),
  );
});

test('what was acknowledged survives a power cut at any moment, and the log goes on', async () => {
  for (let cut = 1; cut <= 12; cut++) {
    const fs = new MemoryFileSystem({ sectorBytes: 64 });
    const { log } = await opened(fs);
    const acknowledged: string[] = [];
    for (let i = 0; i < cut; i++) {
      await log.record(entryOf(`x${i}`));
      acknowledged.push(`x${i}`);
    }
    // Under way when the power goes.
    for (const id of ['lost-1', 'lost-2']) void log.record(entryOf(id)).catch(() => {});
    for (let turn = 0; turn < cut; turn++) await Promise.resolve();
    let draws = cut;
    const next = fs.crash('power', () => ((draws = (draws * 31) % 97), draws / 97));
    const again = await opened(next);
    assert.deepEqual(again.warnings, [], 'what is torn is no damage');
    await again.log.record(entryOf('after'));
    await again.log.close();
    const ids = await idsIn(next);
    assert.deepEqual(ids.slice(0, cut), acknowledged, `cut after ${cut}`);
    assert.equal(ids.at(-1), 'after');
  }
});

test('an entry that was changed, taken out or added is noticed, and named', async () => {
  const fs = new MemoryFileSystem();
  const { log } = await opened(fs);
  for (const id of ['a', 'b', 'c', 'd']) await log.record(entryOf(id));
  await log.close();
  const bytes = await bytesOf(fs, FIRST);
  const at = bytes.indexOf('"id":"b"') + 6;
  await overwrite(fs, FIRST, at, 'z');
  const lines = bytes.toString('utf8', 0, bytes.indexOf('"id":"b"')).split('\n');
  const offset = Buffer.byteLength(lines.slice(0, -1).join('\n')) + 1;
  const broken = { code: 'AUDIT_CORRUPT', message: new RegExp(`${FIRST} .*offset ${offset}`) };
  await assert.rejects(idsIn(fs), broken);
  await assert.rejects(opened(fs), broken);
  await overwrite(fs, FIRST, at, 'b');
  assert.deepEqual(await idsIn(fs), ['a', 'b', 'c', 'd']);
});

test('a file that is missing between others is noticed', async () => {
  const fs = new MemoryFileSystem();
  for (const id of ['a', 'b', 'c']) {
    const { log } = await opened(fs);
    await log.record(entryOf(id));
    await log.close();
  }
  await fs.remove(`${DIR}/audit/0000000002.jsonl`);
  await assert.rejects(idsIn(fs), /0000000002.jsonl is missing/);
});

test('a torn end is no corruption: nobody was told of it', async () => {
  const fs = new MemoryFileSystem();
  const { log } = await opened(fs);
  await log.record(entryOf('a'));
  await log.close();
  const { length } = await bytesOf(fs, FIRST);
  await overwrite(fs, FIRST, length, '{"sequence":2,"at":"1970-01-01T00:00:01.000Z","dura');
  const again = await opened(fs);
  await again.log.record(entryOf('b'));
  await again.log.close();
  assert.deepEqual(await idsIn(fs), ['a', 'b']);
});

interface Line {
  readonly level: string;
  readonly fields: object;
}

/** A logger that keeps its lines. */
function recorder(lines: Line[]) {
  const as = (level: string) => (fields: object) => void lines.push({ level, fields });
  return { debug: as('debug'), info: as('info'), warn: as('warn'), error: as('error') };
}

for (const encryption of [{}, { keys: keysOf(1) }]) {
  const how = 'keys' in encryption ? 'encrypted' : 'plain';

  /** Two entries, and where the second begins and ends. */
  const twoEntries = async () => {
    const fs = new MemoryFileSystem();
    const { log } = await opened(fs, {}, encryption);
    await log.record(entryOf('a'));
    const { length: from } = await bytesOf(fs, FIRST);
    await log.record(entryOf('b'));
    await log.close();
    return { fs, from, to: (await bytesOf(fs, FIRST)).length };
  };

  const looseIn = async (fs: MemoryFileSystem) => {
    const found: unknown[] = [];
    const scan = scanAudit({ fs, dir: DIR, ...encryption }, (loose) => found.push(loose));
    for await (const entry of scan) assert.equal(entry['id'], 'a');
    return found;
  };

  test(`the last entry, changed, is told of with file and offset (${how})`, async () => {
    const { from, to } = await twoEntries();
    for (let at = from; at < to; at += 7) {
      const { fs } = await twoEntries();
      fs.damage(`${DIR}/audit/${FIRST}`, (content) => {
        content[at] = Number(content[at]) ^ 1;
      });
      const place = { file: `audit/${FIRST}`, offset: from, bytes: to - from };
      assert.deepEqual(await looseIn(fs), [{ ...place, isTorn: false }], `byte ${at}`);
      const lines: Line[] = [];
      const { log } = await opened(fs, { logger: recorder(lines) }, encryption);
      await log.close();
      assert.deepEqual(lines, [{ level: 'warn', fields: place }]);
    }
  });

  test(`an entry that was not written to its end is told of as such (${how})`, async () => {
    const { from, to } = await twoEntries();
    for (let length = from; length < to; length += 7) {
      const { fs } = await twoEntries();
      const stored = await bytesOf(fs, FIRST);
      await overwrite(fs, FIRST, 0, stored.subarray(0, length), 'create');
      const place = { file: `audit/${FIRST}`, offset: from, bytes: length - from };
      assert.deepEqual(await looseIn(fs), length === from ? [] : [{ ...place, isTorn: true }]);
      const lines: Line[] = [];
      const { log } = await opened(fs, { logger: recorder(lines) }, encryption);
      await log.close();
      assert.deepEqual(lines, length === from ? [] : [{ level: 'info', fields: place }]);
    }
  });
}

test('nothing is taken where the disk is below its reserve, or before it is open', async () => {
  const fs = new MemoryFileSystem();
  let low = true;
  const { log } = await opened(fs, { isSpaceLow: () => low });
  await assert.rejects(log.record(entryOf('a')), { code: 'unavailable' });
  low = false;
  await log.record(entryOf('b'));
  await log.close();
  await assert.rejects(log.record(entryOf('c')), { code: 'unavailable' });
  assert.deepEqual(await idsIn(fs), ['b']);
});

test('what is older than what is kept is gone from the disk, byte by byte', async () => {
  const fs = new MemoryFileSystem();
  const { log, clock } = await opened(fs, { keepMs: () => DAY_MS });
  await log.record(entryOf('expired-one', clock.ms));
  clock.ms += DAY_MS / 2;
  await log.record(entryOf('kept-one', clock.ms));
  clock.ms += DAY_MS * 0.75;
  const contents = async () => {
    const names = await fs.list(`${DIR}/audit`);
    return (await Promise.all(names.map((name) => bytesOf(fs, name)))).map(String).join('');
  };
  assert.match(await contents(), /expired-one/);
  clock.fire();
  await settled();
  assert.doesNotMatch(await contents(), /expired-one/);
  assert.deepEqual(await idsIn(fs), ['kept-one']);
  // Also where nobody asks any more.
  clock.ms += DAY_MS;
  clock.fire();
  await settled();
  assert.doesNotMatch(await contents(), /kept-one/);
  await log.record(entryOf('later', clock.ms));
  await log.close();
  assert.deepEqual(await idsIn(fs), ['later']);
});

test('what is not kept is removed from a node that is asked without pause, too', async () => {
  const fs = new MemoryFileSystem({ defer: (run) => void setImmediate(run) });
  const { log, clock } = await opened(fs, { keepMs: () => 1_000, limits: { segmentMs: 1_000 } });
  const asked = new AbortController();
  const client = async (name: string) => {
    while (!asked.signal.aborted) await log.record(entryOf(name, clock.ms));
  };
  const clients = ['a', 'b', 'c'].map(client);
  for (let minute = 0; minute < 5; minute++) {
    clock.ms += 60_000;
    await turns(20);
    clock.fire();
    await turns(20);
  }
  asked.abort();
  await Promise.all(clients);
  await log.close();
  const kept = await fs.list(`${DIR}/audit`);
  assert.ok(!kept.includes(FIRST), `there still: ${kept.join()}`);
  assert.ok(kept.length <= 2, `there still: ${kept.join()}`);
});

/** Entries `a`, `b` and `c`, each in a file of its own; the last one is written to. */
async function threeFiles(fs: MemoryFileSystem, more: Partial<AuditParts> = {}): Promise<World> {
  for (const id of ['a', 'b']) {
    const { log } = await opened(fs);
    await log.record(entryOf(id));
    await log.close();
  }
  const world = await opened(fs, { keepMs: () => DAY_MS, ...more });
  await world.log.record(entryOf('c'));
  return world;
}

test('a file that is missing stops neither expiry nor the node', async () => {
  const fs = new MemoryFileSystem();
  const { log, clock, failures, warnings } = await threeFiles(fs);
  await fs.remove(`${DIR}/audit/0000000002.jsonl`);
  clock.ms += 2 * DAY_MS;
  clock.fire();
  await settled();
  await log.record(entryOf('d', clock.ms));
  await log.close();
  assert.deepEqual([failures, warnings], [[], []]);
  assert.deepEqual(await fs.list(`${DIR}/audit`), ['0000000004.jsonl']);
  assert.deepEqual(await idsIn(fs), ['d']);
});

test('what cannot be removed or read is told of, and removed when it can be', async () => {
  const fs = new MemoryFileSystem();
  const { log, clock, failures, warnings } = await threeFiles(fs);
  clock.ms += 2 * DAY_MS;
  fs.injectFaults(({ kind, path }) =>
    kind === 'remove' && path.endsWith('2.jsonl') ? new Error('EIO of the test') : null,
  );
  clock.fire();
  await settled();
  assert.deepEqual(warnings, ['EIO of the test']);
  await log.record(entryOf('d', clock.ms));
  assert.deepEqual(await idsIn(fs), ['b', 'c', 'd']);
  fs.injectFaults(() => null);
  const head = Buffer.from(fs.contentOf(`${DIR}/audit/0000000003.jsonl`).slice(0, 1));
  fs.damage(`${DIR}/audit/0000000003.jsonl`, (content) => content.set([0]));
  clock.fire();
  await settled();
  assert.match(JSON.stringify(warnings[1]), /0000000003.jsonl is corrupt/);
  fs.damage(`${DIR}/audit/0000000003.jsonl`, (content) => content.set(head));
  clock.fire();
  await settled();
  assert.deepEqual(await idsIn(fs), ['d']);
  assert.deepEqual([failures, warnings.length], [[], 2]);
  await log.close();
});

test('expiry writes nothing where the disk is below its reserve, and still removes', async () => {
  const fs = new MemoryFileSystem();
  let isLow = false;
  const { log, clock, failures } = await threeFiles(fs, { isSpaceLow: () => isLow });
  isLow = true;
  fs.limitTo(0);
  clock.ms += 2 * DAY_MS;
  clock.fire();
  await settled();
  assert.deepEqual([failures, await idsIn(fs)], [[], ['c']]);
  isLow = false;
  fs.limitTo(2 ** 40);
  clock.fire();
  await settled();
  assert.deepEqual([failures, await idsIn(fs)], [[], []]);
  await log.close();
});

test('a failed sync of what was removed ends the log', async () => {
  const fs = new MemoryFileSystem();
  const { log, clock, failures } = await threeFiles(fs);
  await log.record(entryOf('d', clock.ms + 2 * DAY_MS));
  fs.injectFaults(({ kind }) => (kind === 'syncDirectory' ? new Error('EIO of the test') : null));
  clock.ms += 2 * DAY_MS;
  clock.fire();
  await settled();
  assert.deepEqual(failures.map(String), ['Error: EIO of the test']);
  await assert.rejects(log.record(entryOf('e')), { code: 'unavailable' });
  await log.close();
});

test('names of parameters count as what waits for the disk', async () => {
  const fs = new MemoryFileSystem();
  const { log } = await opened(fs, { limits: { pendingBytes: 10_000 } });
  const parameters = Array.from({ length: 50 }, (_, i) => `${i}`.padEnd(256, 'x'));
  const first = log.record({ ...entryOf('a'), parameters });
  await assert.rejects(log.record(entryOf('b')), {
    code: 'unavailable',
    message: /too much waits/,
  });
  await first;
  await log.record(entryOf('c'));
  await log.close();
  assert.deepEqual(await idsIn(fs), ['a', 'c']);
});

test('closing waits for all that was taken, and takes nothing more', async () => {
  const fs = new MemoryFileSystem({ defer: (run) => void setImmediate(run) });
  const { log, clock, failures } = await opened(fs, { keepMs: () => DAY_MS });
  await log.record(entryOf('a'));
  clock.ms += 2 * DAY_MS;
  const told: string[] = [];
  const take = (id: string) => log.record(entryOf(id, clock.ms)).then(() => void told.push(id));
  clock.fire();
  // `b` waits for the expiry; `c` is taken while the round of work that wrote `b` ends.
  const closing = take('b').then(() => {
    void take('c');
    return log.close();
  });
  await closing;
  assert.deepEqual([told, failures], [['b', 'c'], []]);
  assert.deepEqual(await idsIn(fs), ['b', 'c']);
  const closedMeanwhile = await opened(fs);
  const last = closedMeanwhile.log.record(entryOf('d'));
  const closed = closedMeanwhile.log.close();
  await assert.rejects(closedMeanwhile.log.record(entryOf('e')), { code: 'unavailable' });
  await Promise.all([last, closed]);
  assert.deepEqual(await idsIn(fs), ['b', 'c', 'd']);
});
