import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ArchiveFile, threadedZstd } from '../archive/index.ts';
import { BUCKET, S3_ENVIRONMENT, S3Server, s3Skip } from '../cold/testing/s3-server.ts';
import { NodeFileSystem } from '../log/index.ts';
import { ServeCluster, type TestMember } from './serve-cluster.ts';
import { lithair } from './serve-process.ts';

const VERSIONS = [1, 2, 3, 4, 5, 6];
const ids = ['p0', 'p1', 'p2'];
const valueOf = (field: string, id: string, version: number) => `${field}:${id}:${version}`;

const modelOf = (endpoint: string): string => `
auth: {mode: open}
models:
  - name: Product
    fields:
      - {name: id, type: string, primaryKey: true}
      - {name: name, type: string, historize: {mode: versions, versions: 3}}
      - {name: price, type: string, historize: {mode: full}}
      - {name: notes, type: string, historize: {mode: never}}
    lifecycle: {retention: {hot: 1s, warm: 1s, cold: forever}}
store:
  cold: {type: s3, bucket: ${BUCKET}, prefix: shop, endpoint: "${endpoint}", pathStyle: true}
`;

async function put(member: TestMember, id: string, version: number): Promise<void> {
  const fields = ['name', 'price', 'notes'].map((name) => [name, valueOf(name, id, version)]);
  const answer = await fetch(`${member.url}/api/products/${id}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', ...(version === 1 && { 'if-none-match': '*' }) },
    body: JSON.stringify(Object.fromEntries(fields)),
  });
  assert.ok(answer.ok, await answer.text());
}

/** Every value below a directory, archives and objects unpacked. */
async function valuesIn(directory: string): Promise<Set<string>> {
  const values = new Set<string>();
  const take = (text: string) => {
    for (const [value] of text.matchAll(/[a-z]+:p[0-9]+:[0-9]+/g)) values.add(value);
  };
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    take(await readFile(join(entry.parentPath, entry.name), 'latin1'));
    if (!entry.name.endsWith('.arc')) continue;
    const { parentPath, name } = entry;
    const file = await ArchiveFile.open(new NodeFileSystem(), parentPath, name, threadedZstd, null);
    for await (const records of file.all()) take(JSON.stringify(records));
    await file.close();
  }
  return values;
}

test('after a compaction neither disk nor bucket holds what is not kept, and the rest is read from both', {
  skip: s3Skip,
}, async () => {
  Object.assign(process.env, S3_ENVIRONMENT);
  const server = await S3Server.start();
  const model = join(server.bucketDirectory, '..', 'model.yaml');
  await writeFile(model, modelOf(server.endpoint));
  const cluster = await ServeCluster.start(model, 1);
  try {
    const [member] = cluster.members;
    assert.ok(member);
    for (const version of VERSIONS) for (const id of ids) await put(member, id, version);
    await sleep(3_000);
    const port = member.words[member.words.indexOf('--peer-port') + 1];
    const admin = join(cluster.directory, 'certs', 'admin');
    const where = ['--address', `127.0.0.1:${port}`, '--peer-tls', admin];
    // The first one moves log time on, by which what is cold is told.
    for (let round = 0; round < 2; round++) {
      const done = await lithair('compact', ...where);
      assert.equal(done.code, 0, done.output);
    }
    const [disk, bucket] = [await valuesIn(member.dataDir), await valuesIn(server.bucketDirectory)];
    for (const id of ids) {
      const left = (field: string) =>
        VERSIONS.filter((version) => {
          const value = valueOf(field, id, version);
          return disk.has(value) || bucket.has(value);
        });
      assert.deepEqual(left('name'), [4, 5, 6]);
      assert.deepEqual(left('price'), VERSIONS);
      assert.deepEqual(left('notes'), [6]);
      assert.ok(bucket.has(valueOf('price', id, 1)) && !disk.has(valueOf('price', id, 1)));
      const answer = await fetch(`${member.url}/api/products/${id}?version=1`);
      assert.equal(answer.status, 200);
      assert.match(await answer.text(), new RegExp(valueOf('price', id, 1)));
    }
    await server.down();
    const away = await fetch(`${member.url}/api/products`);
    assert.equal(away.status, 200, 'what is not cold is served all the same');
  } finally {
    await cluster.stop();
    await server.close();
  }
});
