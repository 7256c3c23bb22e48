import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { MemoryFileSystem } from '../log/index.ts';
import { type ColdStore, DirectoryStore, openColdStore, S3Store } from './index.ts';
import { BUCKET, S3_ENVIRONMENT, S3Server, s3Skip } from './testing/s3-server.ts';

const bytes = (length: number, seed = 1): Uint8Array =>
  Uint8Array.from({ length }, (_, at) => (at * 31 * seed) % 251);

/** What every store must do. */
function contract(name: string, skip: string | false, open: () => ColdStore): void {
  describe(`${name} as a cold store`, { skip }, () => {
    test('gives back what was put there, in any piece', async () => {
      const store = open();
      const object = bytes(300_000);
      assert.equal(await store.stat('c1/1/a.arc'), null);
      await store.put('c1/1/a.arc', object);
      const found = await store.stat('c1/1/a.arc');
      assert.equal(found?.bytes, object.length);
      assert.deepEqual(await store.read('c1/1/a.arc', 0, object.length), object);
      assert.deepEqual(await store.read('c1/1/a.arc', 299_990, 10), object.subarray(299_990));
      await assert.rejects(store.read('c1/1/a.arc', 299_990, 11), { name: 'ColdError' });
      store.close();
    });

    test('puts an object in the place of another, and takes it away, as often as asked', async () => {
      const store = open();
      await store.put('c1/2/a.arc', bytes(10));
      await store.put('c1/2/a.arc', bytes(20, 3));
      assert.deepEqual(await store.read('c1/2/a.arc', 0, 20), bytes(20, 3));
      await store.remove('c1/2/a.arc');
      await store.remove('c1/2/a.arc');
      assert.equal(await store.stat('c1/2/a.arc'), null);
      await assert.rejects(store.read('c1/2/a.arc', 0, 1), { code: 'COLD_MISSING' });
      store.close();
    });

    test('lists what is in a folder, and nothing else', async () => {
      const store = open();
      assert.deepEqual(await store.list('c1/3'), []);
      for (const name of ['c1/3/b.arc', 'c1/3/a.arc', 'c1/33/c.arc']) {
        await store.put(name, bytes(5));
      }
      assert.deepEqual((await store.list('c1/3')).toSorted(), ['c1/3/a.arc', 'c1/3/b.arc']);
      store.close();
    });
  });
}

const disk = new MemoryFileSystem();
await disk.makeDirectory('/cold');
contract('a directory', false, () => new DirectoryStore(disk, '/cold/'));

test('a directory that is not there, such as a share that is not mounted, is not made', async () => {
  const fs = new MemoryFileSystem();
  const store = openColdStore({ type: 'directory', directory: '/cold' }, fs);
  await assert.rejects(store.put('c1/1/a.arc', bytes(5)), {
    code: 'COLD_UNAVAILABLE',
    message: 'there is no directory /cold',
  });
  assert.equal(await fs.stat('/cold'), null);
});

let server: S3Server | null = null;

before(async () => {
  if (s3Skip !== false) return;
  Object.assign(process.env, S3_ENVIRONMENT);
  server = await S3Server.start();
});

after(() => server?.close());

function bucket(more: Partial<ConstructorParameters<typeof S3Store>[0]> = {}): S3Store {
  const endpoint = server?.endpoint ?? '';
  return new S3Store({ bucket: BUCKET, prefix: 'some/where', endpoint, pathStyle: true, ...more });
}

contract('a bucket of a real S3 server', s3Skip, bucket);

describe('a bucket', { skip: s3Skip }, () => {
  test('keeps a checksum of what was put there', async () => {
    const store = bucket();
    await store.put('c1/4/a.arc', bytes(100));
    assert.match((await store.stat('c1/4/a.arc'))?.sha256 ?? '', /^[0-9a-f]{64}$/);
    store.close();
  });

  test('lists more objects than one answer holds', async () => {
    const store = bucket();
    const names = Array.from({ length: 1_050 }, (_, at) => `c1/5/${at}.arc`);
    for (let at = 0; at < names.length; at += 50) {
      await Promise.all(names.slice(at, at + 50).map((name) => store.put(name, bytes(1))));
    }
    assert.deepEqual((await store.list('c1/5')).toSorted(), names.toSorted());
    store.close();
  });

  test('that is not there, that refuses us, or that does not answer is told apart', async () => {
    const gone = bucket({ bucket: 'not-there' });
    await assert.rejects(gone.put('a.arc', bytes(1)), { code: 'COLD_REFUSED', message: /NoSuchB/ });
    const secret = process.env['AWS_SECRET_ACCESS_KEY'];
    process.env['AWS_SECRET_ACCESS_KEY'] = 'wrong';
    const refused = bucket();
    await assert.rejects(refused.put('a.arc', bytes(1)), {
      code: 'COLD_REFUSED',
      message: /Signature/,
    });
    process.env['AWS_SECRET_ACCESS_KEY'] = secret;
    const away = bucket({ endpoint: 'http://127.0.0.1:1' });
    await assert.rejects(away.put('a.arc', bytes(1)), { code: 'COLD_UNAVAILABLE' });
    for (const store of [gone, refused, away]) store.close();
  });
});

test('requests name bucket, prefix and region as the model does', async () => {
  Object.assign(process.env, S3_ENVIRONMENT);
  const seen: { url: string; scope: string }[] = [];
  const service = createServer((req, res) => {
    const scope = /Credential=[^/]+\/[0-9]+\/([^/]+)/.exec(req.headers.authorization ?? '')?.[1];
    seen.push({ url: req.url ?? '', scope: scope ?? '' });
    req.resume().on('end', () => res.end());
  });
  await new Promise<void>((resolve) => void service.listen(0, 'localhost', resolve));
  const { port } = portOf(service.address());
  const endpoint = `http://localhost:${port}`;
  const store = new S3Store({
    bucket: 'shop',
    prefix: 'past/of/shop',
    endpoint,
    region: 'eu-west-3',
    pathStyle: true,
  });
  await store.put('c1/1/a.arc', bytes(10));
  assert.deepEqual(seen, [
    { url: '/shop/past/of/shop/c1/1/a.arc?x-id=PutObject', scope: 'eu-west-3' },
  ]);
  store.close();
  service.closeAllConnections();
  service.close();
});

function portOf(address: AddressInfo | string | null): AddressInfo {
  assert.ok(typeof address === 'object' && address !== null);
  return address;
}
