import assert from 'node:assert/strict';
import { cp, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { eventually, freePort, freePortFlags, LithairProcess, lithair } from './serve-process.ts';

const MODEL = join(import.meta.dirname, 'products.yaml');

let directory: string;
let url: string;
let flags: string[];
let server: LithairProcess;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lithair-events-'));
  const port = await freePort();
  flags = await freePortFlags(port);
  url = `http://127.0.0.1:${port}/api/products`;
  server = new LithairProcess(['serve', MODEL, '--data', directory, ...flags]);
  await eventually('the node to serve', async () => {
    const answer = await fetch(url).catch(() => null);
    return answer?.ok === true ? true : null;
  });
  await write('POST', '', { id: 'lamp', name: 'Lamp' });
  await write('PUT', '/lamp', { name: 'Desk lamp' });
  await write('POST', '', { id: 'desk', name: 'Desk' });
  await write('DELETE', '/lamp');
});

after(async () => {
  await server.kill('SIGKILL');
  await rm(directory, { recursive: true, force: true });
});

async function write(method: string, path: string, body?: unknown): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const init = body === undefined ? { method } : { method, headers, body: JSON.stringify(body) };
  const answer = await fetch(`${url}${path}`, init);
  assert.ok(answer.ok, await answer.text());
}

function eventIds(output: string): string[] {
  const lines = output.split('\n').filter((line) => line.startsWith('{'));
  return lines.map((line) => JSON.parse(line).eventId);
}

async function shown(...options: string[]): Promise<string[]> {
  const { code, output } = await lithair('log', directory, ...options);
  assert.equal(code, 0, output);
  return eventIds(output);
}

test('events are shown by model, type, aggregate and time', async () => {
  const all = [
    'product:lamp:create',
    'product:lamp:update:2',
    'product:desk:create',
    'product:lamp:delete:3',
  ];
  // A log says that its last entry is committed a moment after it was answered.
  await eventually('the last event to be shown', async () =>
    (await shown()).length === all.length ? true : null,
  );
  assert.deepEqual(await shown(), all);
  assert.deepEqual(await shown('--model', 'Product'), all);
  assert.deepEqual(await shown('--model', 'Brand'), []);
  assert.deepEqual(await shown('--event-type', 'ProductCreated'), [all[0], all[2]]);
  const both = ['--event-type', 'ProductCreated', '--event-type', 'ProductDeleted'];
  assert.deepEqual(await shown(...both, '--aggregate', 'lamp'), [all[0], all[3]]);
  assert.deepEqual(await shown('--since', '2001-01-01T00:00:00Z'), all);
  assert.deepEqual(await shown('--since', '2999-01-01T00:00:00+01:00'), []);
});

test('a followed log shows what the node goes on to write', async () => {
  const follower = new LithairProcess(['log', directory, '--follow', '--aggregate', 'chair']);
  try {
    for (let version = 1; version <= 3; version++) {
      const name = `Chair ${version}`;
      if (version === 1) await write('POST', '', { id: 'chair', name });
      else await write('PUT', '/chair', { name });
      await eventually('the event to be shown', () =>
        Promise.resolve(eventIds(follower.output).length === version ? true : null),
      );
    }
    assert.deepEqual(eventIds(follower.output), [
      'product:chair:create',
      'product:chair:update:2',
      'product:chair:update:3',
    ]);
  } finally {
    await follower.kill('SIGKILL');
  }
});

test('what is no time, and filters of what are no events, are refused', async () => {
  const wrong = await lithair('log', directory, '--since', 'yesterday');
  assert.equal(wrong.code, 2);
  assert.match(wrong.output, /--since must be an RFC 3339 date-time/);
  const raw = await lithair('log', directory, '--raft', '--model', 'Product');
  assert.equal(raw.code, 2);
  assert.match(raw.output, /are for events, not for --raft/);
});

test('a damaged snapshot is passed over for the other one, and named', async () => {
  const peer = `127.0.0.1:${flags[flags.indexOf('--peer-port') + 1]}`;
  const admin = ['--address', peer, '--peer-tls', join(directory, 'certs', 'admin')];
  const taken = await lithair('snapshot', ...admin);
  assert.equal(taken.code, 0, taken.output);
  const before = await shown();
  const copy = `${directory}-copy`;
  try {
    await cp(directory, copy, { recursive: true });
    const file = await open(join(copy, 'state.raftsnap'), 'r+');
    const { size } = await file.stat();
    const byte = Buffer.alloc(1);
    await file.read(byte, 0, 1, size - 100);
    await file.write(Buffer.from([(byte[0] ?? 0) ^ 1]), 0, 1, size - 100);
    await file.close();
    const { code, output } = await lithair('log', copy);
    assert.equal(code, 0, output);
    assert.match(output, /^lithair: log: state\.raftsnap is corrupt at offset \d+.*passed over/m);
    assert.deepEqual(eventIds(output), before);
    const verified = await lithair('log', copy, '--verify');
    assert.equal(verified.code, 3, verified.output);
    assert.match(verified.output, /state\.raftsnap is corrupt at offset \d+/);
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
});
