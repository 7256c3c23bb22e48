import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatKeyring, MasterKeys, newKey, parseKeyring } from '../encryption/index.ts';
import { MemoryFileSystem, openFile, SealedObject, sealBytes, writeAt } from './index.ts';

const BLOCK = 64 * 1024;
const key = newKey([], new Uint8Array(32).fill(7), '2026-11-28T12:00:00.000Z');
const masters = new MasterKeys(parseKeyring(formatKeyring([key]), 'keys.json'));
const keys = masters.of('cold of c1', null);
const SALT = new Uint8Array(16).fill(3);
const SEALING = { keys, purpose: 'cold one' };

const patterned = (size: number) => Uint8Array.from({ length: size }, (_, at) => (at * 31) % 251);

/** An object that counts how often it is asked. */
function stored(bytes: Uint8Array) {
  const asked: [number, number][] = [];
  const read = async (offset: number, length: number): Promise<Uint8Array> => {
    asked.push([offset, length]);
    return bytes.subarray(offset, offset + length);
  };
  return { asked, source: { size: bytes.length, read } };
}

const digest = (byte: number) => new Uint8Array(32).fill(byte);

function open(bytes: Uint8Array, purpose = 'cold one', end: Uint8Array | null = null) {
  return SealedObject.open(stored(bytes).source, 'o', { keys, purpose }, end);
}

describe('a sealed object', () => {
  for (const size of [0, 1, 100, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 3 * BLOCK + 17]) {
    test(`of ${size} bytes is the file that it would be on a disk, and is read by position`, async () => {
      const plain = patterned(size);
      const sealed = sealBytes(plain, SEALING, SALT);
      const fs = new MemoryFileSystem();
      await fs.makeDirectory('/d');
      const file = await fs.open('/d/f', 'create');
      await writeAt(file, sealed, 0);
      await file.close();
      const opened = await openFile(fs, '/d/f', 'f', keys, 'cold one');
      const all = new Uint8Array(size);
      assert.equal(opened.size(), size);
      assert.equal(opened.read(all, 0), size);
      assert.deepEqual(all, plain);
      const { source } = stored(sealed);
      const object = await SealedObject.open(source, 'o', SEALING, null);
      assert.equal(object.size, size);
      for (const [from, to] of [
        [0, size],
        [1, size],
        [Math.min(size, BLOCK - 5), Math.min(size, BLOCK + 5)],
        [Math.max(0, size - 40), size],
      ] as const) {
        if (from >= to) continue;
        assert.deepEqual(await object.read(from, to - from), plain.slice(from, to));
      }
    });
  }

  test('asks for no more blocks than are read, and for none that are kept', async () => {
    const plain = patterned(10 * BLOCK + 100);
    const { asked, source } = stored(sealBytes(plain, SEALING, SALT));
    const object = await SealedObject.open(source, 'o', SEALING, null);
    await object.read(2 * BLOCK + 5, 10);
    assert.deepEqual(asked, [
      [0, 64],
      [64 + 2 * (BLOCK + 16), BLOCK + 16],
    ]);
    const end = await object.end(200);
    asked.length = 0;
    const again = await SealedObject.open(source, 'o', SEALING, end);
    assert.equal(again.atHand, BLOCK + 100);
    assert.deepEqual(await again.read(plain.length - 200, 200), plain.slice(-200));
    assert.deepEqual(asked, []);
    again.forgetEnd();
    await again.read(plain.length - 1, 1);
    assert.equal(asked.length, 1);
  });

  test('is the same for the same bytes, and another one for others, with a salt of its content', () => {
    assert.deepEqual(keys.saltOf(digest(1)), keys.saltOf(digest(1)));
    assert.notDeepEqual(keys.saltOf(digest(1)), keys.saltOf(digest(2)));
    assert.notDeepEqual(keys.saltOf(digest(1)), masters.of('cold of c2', null).saltOf(digest(1)));
    const plain = patterned(100);
    assert.deepEqual(sealBytes(plain, SEALING, SALT), sealBytes(plain, SEALING, SALT));
  });

  test('does not open where it was changed, cut off, or stands in for another one', async () => {
    const sealed = sealBytes(patterned(2 * BLOCK), SEALING, SALT);
    const changed = sealed.slice();
    changed[100] = (changed[100] ?? 0) ^ 1;
    const readAll = async (bytes: Uint8Array) => {
      const object = await open(bytes);
      return object.read(0, object.size);
    };
    await assert.rejects(readAll(changed), {
      code: 'LOG_CORRUPT',
      message: /does not authenticate/,
    });
    await assert.rejects(readAll(sealed.subarray(0, 64 + BLOCK + 16)), /does not authenticate/);
    await assert.rejects(open(sealed, 'cold other'), { code: 'KEY_WRONG' });
    await assert.rejects(open(new Uint8Array(200)), /it is not sealed/);
    const whole = await (await open(sealed)).end(100);
    await assert.rejects(open(sealed, 'cold one', whole.subarray(0, -1)), /its end is cut off/);
  });
});
