import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Random } from '../ports/index.ts';
import {
  BlockCipher,
  type EncryptionError,
  type FileKeys,
  formatKeyring,
  type KeyRecord,
  MasterKeys,
  newKey,
  parseKeyRecords,
  parseKeyring,
  TAG_BYTES,
} from './index.ts';

const TIME = '2026-11-28T12:00:00.000Z';
const secret = (byte: number) => new Uint8Array(32).fill(byte);

function records(...bytes: number[]): readonly KeyRecord[] {
  const all: KeyRecord[] = [];
  for (const byte of bytes) all.push(newKey(all, secret(byte), TIME));
  return all;
}

const ring = (...bytes: number[]) => parseKeyring(formatKeyring(records(...bytes)), 'keys.json');

const file = (...keys: unknown[]) => JSON.stringify({ formatVersion: 1, keys });
const text = (value: string) => new TextEncoder().encode(value);

function counting(): Random {
  let next = 0;
  return { fill: (target) => target.fill(next++), fraction: () => 0 };
}

describe('a file of keys', () => {
  test('is read as it was written; the newest key is the active one', () => {
    const all = records(1, 2, 3);
    assert.deepEqual(parseKeyRecords(formatKeyring(all), 'keys.json'), all);
    assert.deepEqual(ring(1, 2, 3).ids, [1, 2, 3]);
    assert.equal(ring(1, 2, 3).activeId, 3);
  });

  const key = { id: 1, secret: Buffer.from(secret(1)).toString('base64'), createdAt: TIME };
  const other = { ...key, id: 2, secret: Buffer.from(secret(2)).toString('base64') };
  const refused: [string, string, RegExp][] = [
    ['no JSON', 'id: 1', /it is not a JSON object/],
    ['another version', '{"formatVersion":2,"keys":[]}', /formatVersion is not 1/],
    ['no key', file(), /it has no keys/],
    ['an id of 0', file({ ...key, id: 0 }), /keys\[0\]: id is not/],
    ['an id that is too large', file({ ...key, id: 2 ** 32 }), /keys\[0\]: id is not/],
    [
      'a short secret',
      file(key, { ...other, secret: 'AAAA' }),
      /keys\[1\]: secret is not 32 bytes/,
    ],
    ['no time', file({ ...key, createdAt: 'yesterday' }), /createdAt is not a time/],
    ['the same id twice', file(key, { ...other, id: 1 }), /two keys have the same id/],
    ['the same secret twice', file(key, { ...key, id: 2 }), /two keys have the same secret/],
    ['too many keys', file(...Array.from({ length: 65 }, () => key)), /more than 64 keys/],
    ['too many bytes', ' '.repeat(70_000), /longer than/],
  ];
  for (const [what, text, reason] of refused) {
    test(`with ${what} is refused, and the reason holds no secret`, () => {
      assert.throws(
        () => parseKeyring(text, 'keys.json'),
        (error: EncryptionError) => {
          assert.equal(error.code, 'KEYRING_INVALID');
          assert.match(error.message, /^keys\.json is not a file of keys: /);
          assert.match(error.message, reason);
          assert.ok(!error.message.includes(key.secret));
          return true;
        },
      );
    });
  }
});

describe('keys of files', () => {
  const masters = new MasterKeys(ring(1, 2));
  const nonce = new Uint8Array(12);

  function sealed(keys: FileKeys, purpose: string, plain: Uint8Array) {
    const { tag, cipher } = keys.begin(purpose, keys.salt());
    const bytes = new Uint8Array(plain.length + TAG_BYTES);
    cipher.seal(nonce, text('context'), plain, bytes, 0);
    return { tag, bytes };
  }

  test('open what they sealed, and nothing under another context or nonce', () => {
    const keys = masters.of('disk', counting());
    const { tag, bytes } = sealed(keys, 'snapshot', text('secret'));
    assert.equal(tag.keyId, 2);
    const cipher = keys.open('snapshot', tag, 'f');
    assert.deepEqual(cipher.open(nonce, text('context'), bytes), Buffer.from('secret'));
    assert.equal(cipher.open(nonce, text('other'), bytes), null);
    assert.equal(cipher.open(new Uint8Array(12).fill(1), text('context'), bytes), null);
    assert.equal(cipher.open(nonce, text('context'), bytes.subarray(1)), null);
    assert.equal(cipher.open(nonce, text('context'), new Uint8Array(3)), null);
  });

  test('are those of one disk and one purpose', () => {
    const { tag } = sealed(masters.of('disk', counting()), 'snapshot', text('secret'));
    const wrong = { code: 'KEY_WRONG' };
    assert.throws(() => masters.of('other', null).open('snapshot', tag, 'f'), wrong);
    assert.throws(() => masters.of('disk', null).open('archive', tag, 'f'), wrong);
    assert.ok(masters.of('disk', null).open('snapshot', tag, 'f') instanceof BlockCipher);
  });

  test('are derived as RFC 5869 and the format say', () => {
    const keys = new MasterKeys(ring(7)).of('d1', { fill: (t) => t.fill(9), fraction: () => 0 });
    const { check } = keys.begin('snapshot', keys.salt()).tag;
    assert.equal(Buffer.from(check).toString('hex'), '1e5e990a95459ae74a1758a90011db2a');
  });

  test('that are missing or wrong are named with the file, and nothing else of them', () => {
    const { tag } = sealed(masters.of('disk', counting()), 'snapshot', text('secret'));
    const open = (...bytes: number[]) => {
      const keys = new MasterKeys(ring(...bytes)).of('disk', null);
      return () => keys.open('snapshot', tag, 'state.raftsnap');
    };
    assert.throws(open(1), {
      code: 'KEY_MISSING',
      message: 'state.raftsnap needs key 2, which keys.json does not hold',
    });
    assert.throws(open(1, 3), {
      code: 'KEY_WRONG',
      message: 'state.raftsnap is encrypted with another key 2 than that of keys.json',
    });
    assert.doesNotThrow(open(1, 2, 3));
  });

  test('never give a nonce twice', () => {
    let drawn = 0;
    const random: Random = {
      fill(target) {
        for (let at = 0; at < target.length; at += 4)
          new DataView(target.buffer).setUint32(at, drawn++);
        return target;
      },
      fraction: () => 0,
    };
    const keys = masters.of('disk', random);
    const seen = new Set<string>();
    const bytes = new Uint8Array(12);
    for (let at = 0; at < 2000; at++) {
      keys.nonce(bytes, 0);
      seen.add(Buffer.from(bytes).toString('hex'));
    }
    assert.equal(seen.size, 2000);
  });

  test('of a keyring that took the place of another are the new ones', () => {
    const changing = new MasterKeys(ring(1));
    const keys = changing.of('disk', counting());
    const { tag } = sealed(keys, 'snapshot', text('secret'));
    changing.replace(ring(1, 2));
    assert.equal(keys.begin('snapshot', keys.salt()).tag.keyId, 2);
    assert.ok(keys.open('snapshot', tag, 'f') instanceof BlockCipher);
  });
});
