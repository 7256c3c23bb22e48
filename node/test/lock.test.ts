import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually, freePortFlags } from './serve-process.ts';

const CLI = join(import.meta.dirname, '..', 'cli', 'main.ts');
const MODEL = join(import.meta.dirname, 'notes.yaml');
const NAMESPACE = ['--pid', '--fork', '--kill-child', '--mount-proc'];
const canUnshare = spawnSync('unshare', [...NAMESPACE, 'true']).status === 0;
const skip = canUnshare ? false : 'process namespaces need root and unshare';

async function serveWords(data: string): Promise<string[]> {
  return [
    ...NAMESPACE,
    process.execPath,
    CLI,
    'serve',
    MODEL,
    '--data',
    data,
    ...(await freePortFlags()),
  ];
}

test('two nodes on one directory, both process 1 of their container: the second is refused', {
  skip,
}, async () => {
  const data = await mkdtemp(join(tmpdir(), 'lithair-pid1-'));
  const words = await serveWords(data);
  const first = spawn('unshare', words, { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => first.once('exit', () => resolve()));
  try {
    const url = `http://127.0.0.1:${words[words.indexOf('--port') + 1]}/readyz`;
    await eventually('the first to be ready', async () => ((await fetch(url)).ok ? true : null));

    const second = spawnSync('unshare', await serveWords(data), { encoding: 'utf8' });
    assert.equal(second.status, 3, second.stderr);
    assert.match(second.stderr, new RegExp(data));
    assert.equal((await fetch(url)).status, 200, 'the first goes on');

    first.kill('SIGKILL');
    await ended;
    const third = spawn('unshare', words, { stdio: 'ignore' });
    await eventually('a start after kill -9', async () => ((await fetch(url)).ok ? true : null));
    third.kill('SIGKILL');
    await new Promise((resolve) => third.once('exit', resolve));
  } finally {
    first.kill('SIGKILL');
    await rm(data, { recursive: true, force: true });
  }
});
