import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually, LithairProcess } from './serve-process.ts';

const MODEL = join(import.meta.dirname, 'notes.yaml');
const PORT = 20_000 + (process.pid % 20_000);

function urlOf(i: number): string {
  return `http://127.0.0.1:${PORT + i}`;
}

function start(dataDir: string, peerPort = PORT + 20): LithairProcess {
  const [port, opsPort] = [PORT, PORT + 10];
  const ports = Object.entries({ port, 'ops-port': opsPort, 'peer-port': peerPort }).flatMap(
    ([flag, value]) => [`--${flag}`, String(value)],
  );
  return new LithairProcess(['serve', MODEL, '--nodes', '3', '--data', dataDir, ...ports]);
}

async function ready(i: number): Promise<void> {
  await eventually(`node ${i + 1} to be ready`, async () => {
    const response = await fetch(`${urlOf(i)}/readyz`);
    await response.arrayBuffer();
    return response.ok ? true : null;
  });
}

/** Process ids of the children of a process (Linux). */
function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function allGone(pids: readonly number[]): Promise<void> {
  await eventually('the members to be gone', async () => (pids.some(isAlive) ? null : true));
}

test('one command runs three members, restarts one that dies, and ends all of them', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'lithair-local-'));
  const supervisor = start(dataDir);
  try {
    for (const i of [0, 1, 2]) await ready(i);
    const before = childrenOf(supervisor.pid);
    assert.equal(before.length, 3);
    const written = await fetch(`${urlOf(2)}/api/notes`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ text: 'hello', round: 1 }),
    });
    assert.equal(written.status, 201, 'any node takes a write');

    process.kill(before[1] ?? 0, 'SIGKILL');
    await eventually('a new process', async () =>
      childrenOf(supervisor.pid).some((pid) => !before.includes(pid)) ? true : null,
    );
    for (const i of [0, 1, 2]) await ready(i);
    const found = await fetch(`${urlOf(1)}${written.headers.get('location')}`);
    assert.equal(found.status, 200, 'the restarted member has the write');

    const children = childrenOf(supervisor.pid);
    const end = await supervisor.kill('SIGTERM');
    assert.equal(end.code, 0, supervisor.output);
    assert.deepEqual(children.filter(isAlive), []);
  } finally {
    await supervisor.kill('SIGKILL');
    await rm(dataDir, { recursive: true, force: true });
  }
});

test('members do not outlive a supervisor that was killed', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'lithair-local-'));
  const supervisor = start(dataDir);
  try {
    await ready(0);
    const children = childrenOf(supervisor.pid);
    assert.equal(children.length, 3);
    await supervisor.kill('SIGKILL');
    await allGone(children);
  } finally {
    await supervisor.kill('SIGKILL');
    await rm(dataDir, { recursive: true, force: true });
  }
});

test('a cluster that is started again on other peer ports finds itself again', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'lithair-local-'));
  let supervisor = start(dataDir);
  try {
    for (const i of [0, 1, 2]) await ready(i);
    await supervisor.kill('SIGTERM');
    supervisor = start(dataDir, PORT + 30);
    for (const i of [0, 1, 2]) await ready(i);
    await eventually('the member table to have the new addresses', async () => {
      const response = await fetch(`http://127.0.0.1:${PORT + 10}/_cluster/status`);
      const text = await response.text();
      return [30, 31, 32].every((port) => text.includes(`127.0.0.1:${PORT + port}`)) ? true : null;
    });
  } finally {
    await supervisor.kill('SIGTERM');
    await rm(dataDir, { recursive: true, force: true });
  }
});
