import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../kubernetes/index.ts';
import type { SecretStore } from './certificates.ts';
import { EncryptionKeys } from './encryption-keys.ts';

const PLACE = { name: 'shop', namespace: 'trade', uid: 'u1' };

/** One namespace, with a clock that only moves when it is told to. */
function namespace() {
  const secrets = new Map<string, KubeObject>();
  const world = { secrets, nowMs: Date.UTC(2026, 10, 28), gets: 0 };
  const api: SecretStore = {
    get: (_kind, name) => {
      world.gets += 1;
      return Promise.resolve(secrets.get(name) ?? null);
    },
    create: (object) => {
      assert.equal(secrets.has(object.metadata.name), false, 'it exists already');
      secrets.set(object.metadata.name, structuredClone(object));
      return Promise.resolve(object);
    },
    apply: () => assert.fail('keys are never written over'),
  };
  return { world, keys: new EncryptionKeys(api, () => world.nowMs) };
}

function keyring(object: KubeObject | undefined): string {
  const data: unknown = object?.['data'];
  assert.ok(typeof data === 'object' && data !== null && 'keys.json' in data);
  return Buffer.from(String(data['keys.json']), 'base64').toString('utf8');
}

test('keys are made once, where they are needed, and outlive the resource', async () => {
  const { world, keys } = namespace();
  assert.equal(await keys.ensure(PLACE, false), false);
  assert.equal(world.secrets.size, 0);
  assert.equal(await keys.ensure(PLACE, true), true);
  const made = world.secrets.get('shop-keys');
  assert.equal(made?.metadata.ownerReferences, undefined);
  assert.match(keyring(made), /"formatVersion": 1.*"id": 1.*"secret": "[A-Za-z0-9+/]{43}="/s);
  world.nowMs += 31_000;
  assert.equal(await keys.ensure(PLACE, true), true);
  assert.deepEqual(world.secrets.get('shop-keys'), made);
});

test('a Secret that is there is used as it is, and looked at every 30 seconds', async () => {
  const { world, keys } = namespace();
  const own = { data: { 'keys.json': Buffer.from('mine').toString('base64') } };
  const metadata = { name: 'shop-keys', namespace: 'trade' };
  world.secrets.set('shop-keys', { apiVersion: 'v1', kind: 'Secret', metadata, ...own });
  for (let at = 0; at < 3; at++) assert.equal(await keys.ensure(PLACE, true), true);
  assert.equal(world.gets, 1);
  world.secrets.delete('shop-keys');
  world.nowMs += 31_000;
  assert.equal(await keys.ensure(PLACE, true), true);
  assert.equal(keyring(world.secrets.get('shop-keys')), 'mine', 'it comes back as it was');
});

test('keys that nothing asks for any more are there until somebody deletes them', async () => {
  const { world, keys } = namespace();
  await keys.ensure(PLACE, true);
  for (let at = 0; at < 3; at++) {
    world.nowMs += 31_000;
    assert.equal(await keys.ensure(PLACE, false), true);
  }
  world.secrets.delete('shop-keys');
  world.nowMs += 31_000;
  assert.equal(await keys.ensure(PLACE, false), false);
  assert.equal(world.secrets.size, 0);
  assert.equal(await keys.ensure(PLACE, true), true, 'asked for again before the next look');
  assert.equal(world.secrets.size, 1);
});

test('a Secret of that name without keys is no reason to mount it', async () => {
  const { world, keys } = namespace();
  const metadata = { name: 'shop-keys', namespace: 'trade' };
  world.secrets.set('shop-keys', { apiVersion: 'v1', kind: 'Secret', metadata, data: { pin: '' } });
  assert.equal(await keys.ensure(PLACE, false), false);
  assert.equal(await keys.ensure(PLACE, true), true);
});
