import assert from 'node:assert/strict';
import { createDecipheriv, createHmac, createSecretKey, hkdfSync } from 'node:crypto';
import { test } from 'node:test';
import type { JsonValue } from '@lithair/crds';
import type { Random } from '../ports/index.ts';
import {
  type EncryptionError,
  FieldCipher,
  FieldVault,
  formatKeyring,
  type KeyRecord,
  MasterKeys,
  memoryKeys,
  newKey,
  parseKeyring,
} from './index.ts';

function counting(): Random {
  let next = 0;
  return { fill: (target) => target.fill(next++), fraction: () => 0 };
}

function masters(...bytes: number[]): MasterKeys {
  const all: KeyRecord[] = [];
  for (const byte of bytes) all.push(newKey(all, new Uint8Array(32).fill(byte), ''));
  const dated = all.map((key) => ({ ...key, createdAt: '2026-11-28T12:00:00.000Z' }));
  return new MasterKeys(parseKeyring(formatKeyring(dated), 'keys.json'));
}

const vaultOf = (...bytes: number[]) => new FieldVault(masters(...bytes), counting());

function cipherOf(vault: FieldVault, fieldKey = vault.create()): FieldCipher {
  const cipher = vault.of({ fieldKey });
  assert.ok(cipher !== null);
  return cipher;
}

const PLACE = { model: 'Note', field: 'text', id: 'n1' };
let drawn = 0;
const draw = (size: number) => new Uint8Array(size).fill(drawn++);

test('a value opens in its place with its key, and nowhere else', () => {
  const cipher = cipherOf(vaultOf(1));
  for (const value of ['', 'x', 0, -1.5, true, false, ['a', null], { a: { b: 'ü' } }]) {
    const stored = cipher.seal(PLACE, value, draw);
    assert.deepEqual(cipher.open(PLACE, stored), value);
    for (const other of [{ model: 'Other' }, { field: 'other' }, { id: 'n2' }]) {
      const message = /is not what was encrypted for it/;
      assert.throws(() => cipher.open({ ...PLACE, ...other }, stored), {
        code: 'FIELD_DAMAGED',
        message,
      });
    }
  }
});

test('the length of what is stored tells a value in steps of 32 bytes alone', () => {
  const cipher = cipherOf(vaultOf(1));
  const lengthOf = (value: JsonValue) => cipher.seal(PLACE, value, draw).length;
  const short = [true, false, 7, 1234567, 'low', 'high', '', [], 'x'.repeat(30)].map(lengthOf);
  assert.equal(new Set(short).size, 1);
  const long = ['x'.repeat(31), 'ü'.repeat(31), 'x'.repeat(62)];
  assert.equal(new Set(long.map(lengthOf)).size, 1);
  assert.equal(lengthOf('x'.repeat(63)) > lengthOf('x'.repeat(62)), true);
  for (const value of long)
    assert.equal(cipher.open(PLACE, cipher.seal(PLACE, value, draw)), value);
});

/** As docs/storage-format.md says it, with nothing of the room. */
function openedByHand(dataKey: Buffer, id: string, stored: string): string {
  const rows = hkdfSync('sha256', dataKey, '', 'lithair/1 keys of rows', 32);
  const key = createHmac('sha256', Buffer.from(rows))
    .update(JSON.stringify(['Note', id]))
    .digest();
  const bytes = Buffer.from(stored.split(':')[3] ?? '', 'base64url');
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12));
  decipher.setAAD(Buffer.from(JSON.stringify(['Note', 'text', id])));
  decipher.setAuthTag(bytes.subarray(-16));
  return `${decipher.update(bytes.subarray(12, -16), undefined, 'utf8')}${decipher.final('utf8')}`;
}

test('each row has a key of its own, derived as the format says', () => {
  const dataKey = Buffer.alloc(32, 7);
  const cipher = new FieldCipher('0011223344556677', createSecretKey(dataKey));
  const [one, other] = ['n1', 'x'.repeat(2000)].map((id) => ({ ...PLACE, id }));
  assert.ok(one !== undefined && other !== undefined);
  const stored = [one, other, one].map((place) => cipher.seal(place, 'x', draw));
  assert.match(stored[0] ?? '', /^lithair:aes256gcm:0011223344556677:/);
  const opened = [one, other, one].map(({ id }, at) => openedByHand(dataKey, id, stored[at] ?? ''));
  assert.deepEqual(opened, Array(3).fill('"x"'.padEnd(32)));
  assert.equal(cipher.open(other, stored[1] ?? ''), 'x');
  assert.equal(cipher.open(one, stored[2] ?? ''), 'x');
});

test('a value that is cut, changed, plain or of another key is damaged, and is not told', () => {
  const vault = vaultOf(1);
  const cipher = cipherOf(vault);
  const stored = cipher.seal(PLACE, 'confidential', draw);
  const flipped = `${stored.slice(0, -2)}${stored.at(-2) === 'A' ? 'B' : 'A'}${stored.at(-1)}`;
  const foreign = cipherOf(vault).seal(PLACE, 'confidential', draw);
  const wrong = [stored.slice(0, -4), flipped, 'confidential', 7, foreign, stored.slice(0, 40)];
  for (const given of wrong) {
    assert.throws(
      () => cipher.open(PLACE, given),
      (error: EncryptionError) => {
        assert.equal(error.code, 'FIELD_DAMAGED');
        assert.ok(!error.message.includes('confidential'));
        return true;
      },
    );
  }
});

test('the same value has another ciphertext each time', () => {
  const cipher = cipherOf(vaultOf(1));
  assert.notEqual(cipher.seal(PLACE, 'x', draw), cipher.seal(PLACE, 'x', draw));
});

test('digests tell requests apart for one key alone', () => {
  const vault = vaultOf(1);
  const [one, other] = [cipherOf(vault), cipherOf(vault)];
  const body = Buffer.from('{"pin":"1234"}');
  assert.equal(one.digest(body), one.digest(body));
  assert.notEqual(one.digest(body), one.digest(Buffer.from('{"pin":"1235"}')));
  assert.notEqual(one.digest(body), other.digest(body));
});

test('a newer master key wraps the same data key, and the old one is not needed any more', () => {
  const fieldKey = vaultOf(1).create();
  const stored = cipherOf(vaultOf(1), fieldKey).seal(PLACE, 'x', draw);
  const both = vaultOf(1, 2);
  const renewed = both.renewed(fieldKey);
  assert.ok(renewed !== null);
  assert.deepEqual([fieldKey.masterKey, renewed.masterKey], [1, 2]);
  assert.equal(both.renewed(renewed), null);
  assert.equal(cipherOf(both, renewed).open(PLACE, stored), 'x');
  const keys = new MasterKeys(
    parseKeyring(
      JSON.stringify({
        formatVersion: 1,
        keys: [
          {
            id: 2,
            secret: Buffer.alloc(32, 2).toString('base64'),
            createdAt: '2026-11-28T12:00:00.000Z',
          },
        ],
      }),
      'new.json',
    ),
  );
  assert.equal(cipherOf(new FieldVault(keys, counting()), renewed).open(PLACE, stored), 'x');
});

test('master keys that are missing, lacking or wrong are told apart', () => {
  const fieldKey = vaultOf(1, 2).create();
  const open = (vault: FieldVault) => () => vault.of({ fieldKey });
  assert.throws(open(vaultOf(1)), {
    code: 'KEY_MISSING',
    message: 'the key of encrypted fields needs key 2, which keys.json does not hold',
  });
  assert.throws(open(vaultOf(1, 3)), { code: 'KEY_WRONG' });
  assert.throws(open(new FieldVault(null, counting())), { code: 'KEYS_MISSING' });
  assert.throws(() => new FieldVault(null, counting()).create(), { code: 'KEYS_MISSING' });
  const first = fieldKey.wrapped.startsWith('A') ? 'B' : 'A';
  const damaged = { ...fieldKey, wrapped: `${first}${fieldKey.wrapped.slice(1)}` };
  assert.throws(() => vaultOf(1, 2).of({ fieldKey: damaged }), { code: 'FIELD_DAMAGED' });
  assert.throws(() => vaultOf(1, 2).of({ fieldKey: { ...fieldKey, id: '00' } }), {
    code: 'FIELD_DAMAGED',
  });
  assert.equal(vaultOf(1).of({}), null);
});

test('keys in memory are those of one process', () => {
  const [one, other] = [new FieldVault(memoryKeys(counting()), counting()), vaultOf(9)];
  const fieldKey = one.create();
  assert.ok(one.of({ fieldKey }));
  assert.throws(() => other.of({ fieldKey }), { code: 'KEY_WRONG' });
});
