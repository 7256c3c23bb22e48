import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { eventually, freePortFlags, LithairProcess, lithair } from './serve-process.ts';

const root = await mkdtemp(join(tmpdir(), 'lithair-codec-'));
const started: LithairProcess[] = [];
after(async () => {
  for (const process of started) await process.kill('SIGKILL');
  await rm(root, { recursive: true, force: true });
});
const notes = await readFile(join(import.meta.dirname, 'notes.yaml'), 'utf8');

interface Running {
  readonly api: string;
  readonly admin: readonly string[];
  readonly process: LithairProcess;
}

/** Serves a directory with a model that says how the log writes entries. */
async function serve(dir: string, codec: 'json' | 'binary'): Promise<Running> {
  const model = join(root, 'model.yaml');
  await writeFile(model, notes.replace('store: {', `store: {codec: ${codec}, `));
  const words = await freePortFlags();
  const at = (flag: string): string => `127.0.0.1:${words[words.indexOf(flag) + 1]}`;
  const process = new LithairProcess(['serve', model, '--data', dir, ...words]);
  started.push(process);
  const api = `http://${at('--port')}`;
  await eventually('the node to serve', async () => {
    const answer = await fetch(`${api}/readyz`).catch(() => null);
    return answer?.ok === true ? true : null;
  });
  const admin = ['--address', at('--peer-port'), '--peer-tls', join(dir, 'certs', 'admin')];
  return { api, admin, process };
}

async function write({ api }: Running, text: string): Promise<void> {
  const response = await fetch(`${api}/api/notes`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': encodeURIComponent(text) },
    body: JSON.stringify({ text, round: 1 }),
  });
  assert.equal(response.status, 201, await response.text());
}

async function rows({ api }: Running): Promise<unknown> {
  const response = await fetch(`${api}/api/notes?limit=1000&sort=text`);
  return ((await response.json()) as { data: unknown }).data;
}

/** Codecs of the records of writes, in the order of the log. */
async function codecs(dir: string): Promise<number[]> {
  const { code, output } = await lithair('log', dir, '--raft');
  assert.equal(code, 0, output);
  const lines = output.split('\n').filter((line) => line.startsWith('{'));
  return lines
    .map((line) => JSON.parse(line) as { codec: number; entry: { kind: string } | null })
    .flatMap(({ codec, entry }) => (entry?.kind === 'write' ? [codec] : []));
}

async function events(dir: string): Promise<string[]> {
  const { code, output } = await lithair('log', dir, '--verify');
  assert.equal(code, 0, output);
  const shown = await lithair('log', dir);
  return shown.output.split('\n').filter((line) => line.startsWith('{'));
}

test('the codec may change with the model: each entry is read as it was written, by everything', async () => {
  const dir = join(root, 'data');
  let node = await serve(dir, 'json');
  await write(node, 'a');
  await node.process.kill('SIGTERM');
  node = await serve(dir, 'binary');
  await write(node, 'b');
  await write(node, 'ç "quoted" 01890a5d-ac96-774b-bcce-b302099a8057');
  const written = await rows(node);
  await node.process.kill('SIGKILL');
  assert.deepEqual(await codecs(dir), [1, 2, 2]);

  node = await serve(dir, 'binary');
  assert.deepEqual(await rows(node), written);
  await write(node, 'b');
  assert.deepEqual(await rows(node), written, 'the key of a packed entry is known');
  assert.equal((await events(dir)).length, 3);
  const backup = join(root, 'backup');
  const backedUp = await lithair('backup', backup, ...node.admin);
  assert.equal(backedUp.code, 0, backedUp.output);
  const compacted = await lithair('compact', ...node.admin);
  assert.equal(compacted.code, 0, compacted.output);
  await node.process.kill('SIGTERM');

  node = await serve(dir, 'json');
  await write(node, 'd');
  await node.process.kill('SIGTERM');
  assert.equal((await codecs(dir)).at(-1), 1);
  const restored = await lithair('restore', backup, join(root, 'restored'));
  assert.equal(restored.code, 0, restored.output);
  node = await serve(join(root, 'restored'), 'binary');
  assert.deepEqual(await rows(node), written);
  await node.process.kill('SIGTERM');
});
