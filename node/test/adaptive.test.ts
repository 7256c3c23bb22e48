import assert from 'node:assert/strict';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { EXIT } from '../exit-codes.ts';
import { eventually, freePort, LithairProcess } from './serve-process.ts';

const MODEL = join(import.meta.dirname, 'notes.yaml');
const NOTES = 130;

async function startedOn(
  dir: string,
): Promise<{ process: LithairProcess; api: string; ops: string }> {
  const file = join(dir, 'adaptive.yaml');
  const text = await readFile(MODEL, 'utf8');
  const adaptive = text
    .replace('snapshotEvery: 5000', 'snapshotEvery: 100')
    .replace(
      '    - name: Note\n',
      '    - name: Note\n      persistence: {memory: adaptive, cacheMiB: 1}\n',
    );
  await writeFile(file, adaptive);
  const [port, ops, peer] = await Promise.all([freePort(), freePort(), freePort()]);
  const ports = ['--port', String(port), '--ops-port', String(ops), '--peer-port', String(peer)];
  const process = new LithairProcess(['serve', file, '--data', join(dir, 'data'), ...ports]);
  const api = `http://127.0.0.1:${port}`;
  await eventually('the node', async () => ((await fetch(`${api}/readyz`)).ok ? true : null));
  return { process, api, ops: `http://127.0.0.1:${ops}` };
}

async function gauge(ops: string, name: string): Promise<number> {
  const text = await (await fetch(`${ops}/metrics`)).text();
  const line = text.split('\n').find((each) => each.startsWith(`${name}{model="Note"}`));
  return Number(line?.split(' ')[1]);
}

async function textOf(api: string, location: string): Promise<string> {
  return (await fetch(`${api}${location}`)).text();
}

test('a node serves rows from its snapshot, and stops where one is damaged there', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'lithair-adaptive-'));
  let { process, api, ops } = await startedOn(dir);
  try {
    const locations: string[] = [];
    for (let n = 0; n < NOTES; n++) {
      const answer = await fetch(`${api}/api/notes`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ text: `note-${n}-${'x'.repeat(300)}`, round: n }),
      });
      locations.push(answer.headers.get('location') ?? '');
    }
    await eventually('rows to be left to the snapshot', async () =>
      (await gauge(ops, 'lithair_model_live_bytes')) < NOTES * 300 ? true : null,
    );
    assert.match(await textOf(api, locations[5] ?? ''), /note-5-/);
    assert.equal(await gauge(ops, 'lithair_model_file_reads'), 1);
    const listed = await (
      await fetch(`${api}/api/notes?limit=1000&text[contains]=note-77-`)
    ).text();
    assert.match(listed, /note-77-/);

    await process.kill('SIGKILL');
    ({ process, api, ops } = await startedOn(dir));
    assert.ok((await gauge(ops, 'lithair_model_live_bytes')) < NOTES * 300);
    assert.match(await textOf(api, locations[5] ?? ''), /note-5-/);
    assert.match(await textOf(api, locations[NOTES - 1] ?? ''), /note-129-/);

    const path = join(dir, 'data', 'state.raftsnap');
    const at = (await readFile(path)).indexOf('note-42-');
    assert.ok(at > 0);
    const file = await open(path, 'r+');
    await file.write(Buffer.from('N'), 0, 1, at);
    await file.close();
    const answer = await fetch(`${api}${locations[42]}`).catch(() => null);
    assert.notEqual(answer?.status, 200);
    assert.equal((await process.ended).code, EXIT.dataRefused);
    assert.match(process.output, /state\.raftsnap of index \d+.*checksum/);
  } finally {
    await process.kill('SIGKILL');
    await rm(dir, { recursive: true, force: true });
  }
});
