import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ArchiveFile } from '../archive/archive-file.ts';
import { ArchiveWriter } from '../archive/archive-writer.ts';
import { threadedZstd } from '../archive/index.ts';
import { createFile, NodeFileSystem } from '../log/index.ts';
import type { VersionRecord } from '../ports/index.ts';
import { eventually, freePort, freePortFlags, LithairProcess, lithair } from './serve-process.ts';

const MODEL = `
auth: {mode: open}
models:
  - name: Payment
    fields:
      - {name: id, type: string, primaryKey: true}
      - {name: amount, type: decimal, required: true}
    lifecycle: {audited: true, immutable: true, retention: {hot: 1s, warm: forever}}
    security: {tamperEvidence: true}
`;

/** Writes an archive again with other versions, so that every checksum in it holds. */
async function rewrite(
  path: string,
  name: string,
  change: (version: VersionRecord) => VersionRecord,
): Promise<void> {
  const fs = new NodeFileSystem();
  const old = await ArchiveFile.open(fs, path, name, threadedZstd, null);
  const versions: VersionRecord[] = [];
  for await (const block of old.all()) versions.push(...block);
  await old.close();
  const file = await createFile(fs, join(path, name), null);
  const writer = new ArchiveWriter(file, threadedZstd, old.summary);
  for (const version of versions) writer.add(change(version));
  await writer.finish();
  await file.close();
}

test('lithair log --verify names an event that was changed behind its checksums', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'lithair-tamper-'));
  const model = join(directory, 'payments.yaml');
  await writeFile(model, MODEL);
  const data = join(directory, 'data');
  const port = await freePort();
  const server = new LithairProcess([
    'serve',
    model,
    '--data',
    data,
    ...(await freePortFlags(port)),
  ]);
  const url = `http://127.0.0.1:${port}/api/payments`;
  try {
    await eventually('the node to serve', async () => {
      const answer = await fetch(url).catch(() => null);
      return answer?.ok === true ? true : null;
    });
    for (let at = 1; at <= 5; at++) {
      const headers = { 'content-type': 'application/json' };
      const body = JSON.stringify({ id: `p${at}`, amount: String(at * 10) });
      assert.equal((await fetch(url, { method: 'POST', headers, body })).status, 201);
    }
    const archive = join(data, 'archive');
    await eventually('payments to be archived', async () =>
      (await readdir(archive)).length > 0 ? true : null,
    );
    await server.kill('SIGTERM');
    const sound = await lithair('log', data, '--verify');
    assert.equal(sound.code, 0, sound.output);
    assert.match(sound.output, /chain of Payment: 5 of 5 events, ends with [0-9a-f]{64}/);
    const [name = ''] = await readdir(archive);
    await rewrite(archive, name, (version) =>
      version.id === 'p1' ? { ...version, json: '{"id":"p1","amount":"1000"}' } : version,
    );
    const broken = await lithair('log', data, '--verify');
    assert.equal(broken.code, 3, broken.output);
    assert.match(broken.output, /broken: version 1 of Payment p1 is not what was recorded/);
  } finally {
    await server.kill('SIGKILL');
    await rm(directory, { recursive: true, force: true });
  }
});
