import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryFileSystem } from '../log/index.ts';
import type { AuditEncryption } from './index.ts';
import {
  DAY_MS,
  DIR,
  entryOf,
  FIRST,
  holding,
  idsIn,
  keysOf,
  opened,
  settled,
} from './testing/audit-world.ts';

test('nothing of an entry is in a file that is encrypted, and all of it is read with the keys', async () => {
  const fs = new MemoryFileSystem();
  const keys = keysOf(1);
  for (const start of ['patient-a', 'patient-b']) {
    const { log } = await opened(fs, { limits: { segmentBytes: 600 } }, { keys });
    for (let i = 0; i < 5; i++) await log.record(entryOf(`${start}${i}`));
    await log.close();
  }
  for (const text of ['patient', 'doctor', 'sequence', 'hash'])
    assert.deepEqual(holding(fs, text), []);
  const ids = ['a', 'b'].flatMap((start) => [0, 1, 2, 3, 4].map((i) => `patient-${start}${i}`));
  assert.deepEqual(await idsIn(fs, keys), ids);
  await assert.rejects(idsIn(fs), { code: 'KEYS_MISSING', message: /^audit\/0000000001.jsonl/ });
  await assert.rejects(opened(fs), { code: 'KEYS_MISSING' });
  await assert.rejects(opened(fs, {}, { keys: keysOf(2) }), { code: 'KEY_WRONG' });
});

test('encrypted entries that were acknowledged survive a power cut at any moment', async () => {
  const keys = keysOf(1);
  for (let cut = 1; cut <= 12; cut++) {
    const fs = new MemoryFileSystem({ sectorBytes: 64 });
    const { log } = await opened(fs, {}, { keys });
    for (let i = 0; i < cut; i++) await log.record(entryOf(`x${i}`));
    for (const id of ['lost-1', 'lost-2']) void log.record(entryOf(id)).catch(() => {});
    await Promise.resolve();
    let draws = cut;
    const next = fs.crash('power', () => ((draws = (draws * 31) % 97), draws / 97));
    const again = await opened(next, {}, { keys });
    assert.deepEqual(again.warnings, [], 'what is torn is no damage');
    await again.log.record(entryOf('after'));
    await again.log.close();
    const ids = await idsIn(next, keys);
    assert.deepEqual(
      ids.slice(0, cut),
      Array.from({ length: cut }, (_, i) => `x${i}`),
    );
    assert.equal(ids.at(-1), 'after');
  }
});

test('an encrypted block that was changed, moved or is of another file is noticed, and named', async () => {
  const fs = new MemoryFileSystem();
  const keys = keysOf(1);
  for (const start of ['a', 'b']) {
    const { log } = await opened(fs, {}, { keys });
    for (let i = 0; i < 4; i++) await log.record(entryOf(`${start}${i}`));
    await log.close();
  }
  const path = `${DIR}/audit/${FIRST}`;
  const whole = fs.contentOf(path).slice();
  // Of the frame of the first block, of its text, and in the middle of the file.
  for (const at of [64, 68, 72, 80, Math.floor(whole.length / 2)]) {
    fs.damage(path, (content) => content.set([(content[at] ?? 0) ^ 1], at));
    const broken = { code: 'LOG_CORRUPT', message: new RegExp(`audit/${FIRST}`) };
    await assert.rejects(idsIn(fs, keys), broken, `byte ${at}`);
    fs.damage(path, (content) => content.set(whole));
  }
  // Its last block could be torn in the newest file; here the next file follows what it had.
  fs.damage(path, (content) => content.set([(content.at(-1) ?? 0) ^ 1], content.length - 1));
  await assert.rejects(idsIn(fs, keys), {
    code: 'AUDIT_CORRUPT',
    message: /0000000002.jsonl .*first line/,
  });
  fs.damage(path, (content) => content.set(whole));
  await fs.rename(path, `${DIR}/audit/0000000002.jsonl`);
  await assert.rejects(idsIn(fs, keys), { code: 'KEY_WRONG' });
});

test('files get the newest key, or none, as they should have, while entries come', async () => {
  const fs = new MemoryFileSystem({ defer: (run) => void setImmediate(run) });
  const ids: string[] = [];
  const round = async (name: string, encryption: AuditEncryption, isOn: boolean) => {
    const { log, failures } = await opened(fs, { limits: { segmentBytes: 900 } }, encryption);
    const record = (id: string) => (ids.push(id), log.record(entryOf(id)));
    await record(`${name}-before`);
    log.encrypt(isOn);
    const renewed = log.renew();
    await Promise.all([renewed, record(`${name}-meanwhile-1`), record(`${name}-meanwhile-2`)]);
    await log.renew();
    const used = new Set(log.keyUses.map(({ keyId }) => keyId));
    await log.close();
    assert.deepEqual(failures, []);
    return [...used];
  };
  assert.deepEqual(await round('plain', {}, false), [0]);
  const first = { keys: keysOf(1), encrypts: false };
  assert.deepEqual(await round('first', first, true), [1]);
  assert.deepEqual(holding(fs, 'doctor'), []);
  assert.deepEqual(await idsIn(fs, first.keys), ids);
  const both = { keys: keysOf(1, 2) };
  assert.deepEqual(await round('second', both, true), [2]);
  assert.deepEqual(await idsIn(fs, both.keys), ids);
  await assert.rejects(idsIn(fs, keysOf(1)), { code: 'KEY_MISSING' });
  assert.deepEqual(await round('off', both, false), [0]);
  assert.deepEqual(await idsIn(fs), ids);
});

test('from the moment on at which it should be, each entry is encrypted, back and forth', async () => {
  const fs = new MemoryFileSystem();
  const keys = keysOf(1);
  const { log } = await opened(fs, {}, { keys, encrypts: false });
  await log.record(entryOf('in-plain'));
  log.encrypt(true);
  await log.record(entryOf('in-secret'));
  assert.deepEqual([holding(fs, 'in-plain').length, holding(fs, 'in-secret').length], [1, 0]);
  await log.renew();
  assert.deepEqual(holding(fs, 'in-plain'), []);
  // What was written to last was written anew: what comes goes into no file that is gone.
  log.encrypt(false);
  await log.record(entryOf('plain-again'));
  log.encrypt(true);
  await log.renew();
  log.encrypt(false);
  await log.record(entryOf('at-last'));
  await log.close();
  assert.deepEqual(await idsIn(fs, keys), ['in-plain', 'in-secret', 'plain-again', 'at-last']);
});

test('a crash at any step of writing files anew loses nothing, and leaves nothing behind', async () => {
  const keys = keysOf(1);
  const ids = ['a', 'b', 'c'];
  const filled = async () => {
    const fs = new MemoryFileSystem();
    for (const id of ids) {
      const { log } = await opened(fs);
      await log.record(entryOf(id));
      await log.close();
    }
    const { log } = await opened(fs, {}, { keys, encrypts: false });
    log.encrypt(true);
    return { fs, log };
  };
  const whole = await filled();
  let steps = 0;
  whole.fs.injectFaults(() => ((steps += 1), null));
  await whole.log.renew();
  assert.ok(steps > 12, `${steps} steps`);
  for (const kind of ['power', 'process'] as const) {
    for (let step = 1; step <= steps; step++) {
      const { fs, log } = await filled();
      let taken = 0;
      fs.injectFaults(() => (++taken === step ? 'halt' : null));
      void log.renew().catch(() => {});
      await settled();
      assert.equal(taken, step);
      let draws = step;
      const next = fs.crash(kind, () => ((draws = (draws * 31) % 97), draws / 97));
      const again = await opened(next, {}, { keys });
      assert.deepEqual(await idsIn(next, keys), ids, `${kind} ${step}`);
      await again.log.renew();
      await again.log.close();
      assert.deepEqual([holding(next, 'doctor'), await idsIn(next, keys)], [[], ids]);
    }
  }
});

test('expiry reads what is encrypted, and what an ended process left unfinished goes', async () => {
  const fs = new MemoryFileSystem();
  const keys = keysOf(1);
  const before = await opened(fs, {}, { keys });
  await before.log.record(entryOf('expired'));
  await before.log.close();
  const left = await fs.open(`${DIR}/audit/0000000001.jsonl.new`, 'create');
  await left.close();
  const { log, clock, warnings } = await opened(fs, { keepMs: () => DAY_MS }, { keys });
  assert.deepEqual(await fs.list(`${DIR}/audit`), [FIRST]);
  clock.ms += 2 * DAY_MS;
  await log.record(entryOf('kept', clock.ms));
  clock.fire();
  await settled();
  assert.deepEqual([await idsIn(fs, keys), warnings], [['kept'], []]);
  assert.deepEqual(
    log.keyUses.map(({ file }) => file),
    ['audit/0000000002.jsonl'],
  );
  await log.close();
});

function flipFirst(content: Uint8Array): void {
  content.set([(content[0] ?? 0) ^ 1], 0);
}

test('a file that is taken for plain because its header is damaged is not sealed as such', async () => {
  const fs = new MemoryFileSystem();
  const { log: first } = await opened(fs, {}, { keys: keysOf(1) });
  await first.record(entryOf('a'));
  await first.close();
  const path = `${DIR}/audit/${FIRST}`;
  const whole = fs.contentOf(path).slice();
  const { log: second } = await opened(fs, {}, { keys: keysOf(1) });
  await second.record(entryOf('b'));
  await second.close();
  fs.damage(path, flipFirst);
  const { log } = await opened(fs, {}, { keys: keysOf(1, 2) });
  await assert.rejects(log.renew(), { code: 'AUDIT_CORRUPT', message: /audit\/0000000001.jsonl/ });
  await log.close();
  fs.damage(path, flipFirst);
  assert.deepEqual(fs.contentOf(path), whole);
  assert.deepEqual(await idsIn(fs, keysOf(1, 2)), ['a', 'b']);
});

test('a file that cannot be read stays as it is, and the others get the new key', async () => {
  const fs = new MemoryFileSystem();
  for (const id of ['a', 'b', 'c']) {
    const { log } = await opened(fs, {}, { keys: keysOf(1) });
    await log.record(entryOf(id));
    await log.close();
  }
  fs.damage(`${DIR}/audit/0000000002.jsonl`, (content) => content.fill(7, 64, 100));
  const { log, failures } = await opened(fs, {}, { keys: keysOf(1, 2) });
  await assert.rejects(log.renew(), { message: /audit\/0000000002.jsonl/ });
  assert.deepEqual(
    log.keyUses.map(({ keyId }) => keyId),
    [2, 1, 2],
  );
  fs.injectFaults(({ kind }) => (kind === 'sync' ? new Error('EIO of the test') : null));
  log.encrypt(false);
  await assert.rejects(log.renew(), /EIO of the test/);
  assert.deepEqual(failures.map(String), ['Error: EIO of the test']);
  await log.close();
});
