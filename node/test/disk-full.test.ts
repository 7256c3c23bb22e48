import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readdir, readFile, statfs, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { NodeFileSystem } from '../log/index.ts';
import { MountedDisk, whyNoDisk } from './mounted-disk.ts';
import { eventually, freePort, freePortFlags, LithairProcess, lithair } from './serve-process.ts';
import { allNotes, Writers } from './writers.ts';

const MODEL = join(import.meta.dirname, 'notes.yaml');
const MEBIBYTE = 1024 * 1024;
const RESERVE_MEBIBYTES = 100;

const DISK_MEBIBYTES = 400;

const skip = whyNoDisk(() => MountedDisk.inMemory(MEBIBYTE)) ?? false;
const skipExt4 = whyNoDisk(() => MountedDisk.ext4(DISK_MEBIBYTES * MEBIBYTE)) ?? false;
const WHAT = 'writes get 507, everything else goes on, and writes return by themselves';

test(`a full disk in memory: ${WHAT}`, { skip }, () =>
  fillAndFree(MountedDisk.inMemory(DISK_MEBIBYTES * MEBIBYTE)),
);

test(`a full ext4: ${WHAT}`, { skip: skipExt4 }, () =>
  fillAndFree(MountedDisk.ext4(DISK_MEBIBYTES * MEBIBYTE)),
);

async function fillAndFree(disk: MountedDisk): Promise<void> {
  const [port, opsPort, peerPort] = await Promise.all([freePort(), freePort(), freePort()]);
  const url = `http://127.0.0.1:${port}`;
  const data = join(disk.path, 'data');
  const ports = ['--port', port, '--ops-port', opsPort, '--peer-port', peerPort].map(String);
  const reserve = ['--reserve', String(RESERVE_MEBIBYTES)];
  const node = new LithairProcess(['serve', MODEL, '--data', data, ...reserve, ...ports]);
  const ballast = join(disk.path, 'ballast');
  const writers = new Writers(4, () => [url]);
  try {
    await moreWrites(writers);
    assert.equal((await storageOf(opsPort)).low, false);
    const id = randomUUID();
    assert.equal((await keyedWrite(url, id)).status, 201);

    for (const left of [60 * MEBIBYTE, 0]) {
      await leave(disk.path, ballast, left);
      await eventually('writes to be refused', async () =>
        (await write(url)) === 507 ? true : null,
      );
      // What was proposed before the first refusal is acknowledged yet.
      await writers.answered();
      const before = writers.acknowledged.size;
      assert.equal((await storageOf(opsPort)).low, true);
      assert.equal((await allNotes(url)).size >= before, true, 'reads go on');
      assert.equal((await fetch(`${url}/readyz`)).status, 200);
      assert.match(await metricsOf(opsPort), /\nlithair_storage_free_bytes \d+\n/);
      assert.equal((await admin(data, peerPort, 'members')).code, 0);
      const replayed = await keyedWrite(url, id);
      assert.equal(replayed.status, 201, 'what was done before is told again');
      assert.equal(replayed.headers.get('idempotency-replayed'), 'true');
      assert.equal(writers.acknowledged.size, before, 'no write is acknowledged');

      await unlink(ballast);
      await moreWrites(writers);
      assert.equal((await storageOf(opsPort)).low, false);
    }
    const taken = await admin(data, peerPort, 'snapshot');
    assert.equal(taken.code, 0, taken.output);
    await writers.end();
    await node.kill('SIGKILL');
    assert.equal((await lithair('log', data, '--verify')).code, 0);
  } finally {
    await writers.end();
    await node.kill('SIGKILL');
    disk.dispose();
  }
}

test('a disk without room for a log is refused in one line, and used once there is room', {
  skip,
}, async () => {
  const disk = MountedDisk.inMemory(20 * MEBIBYTE);
  try {
    const data = join(disk.path, 'data');
    const words = ['serve', MODEL, '--data', data, ...(await freePortFlags())];
    const refused = new LithairProcess(words);
    await eventually('a word about the full disk', async () =>
      refused.output.includes('the disk is full: the log waits for space') ? true : null,
    );
    assert.equal((await refused.kill('SIGTERM')).code, 0);
  } finally {
    disk.dispose();
  }
});

test('a disk without any room: commands say so in one line, and leave what was there', {
  skip,
}, async () => {
  const disk = MountedDisk.inMemory(MEBIBYTE);
  try {
    const at = (name: string) => join(disk.path, name);
    await writeFile(at('client.ts'), 'as it was');
    await leave(disk.path, at('ballast'), 0);
    for (const words of [
      ['init', at('new.yaml')],
      ['client', MODEL, '--out', at('client.ts')],
      ['keys', 'init', at('keys.json')],
      ['certs', at('certs')],
      ['serve', MODEL, '--data', at('data'), ...(await freePortFlags())],
    ]) {
      const { code, output } = await lithair(...words);
      assert.equal(code, 1, output);
      assert.match(output, /^lithair: [^\n]*(the disk is full|ENOSPC)[^\n]*\n$/);
    }
    assert.equal(await readFile(at('client.ts'), 'utf8'), 'as it was');
    assert.deepEqual((await readdir(disk.path)).toSorted(), [
      'ballast',
      'certs',
      'client.ts',
      'data',
    ]);
    assert.throws(() => new NodeFileSystem().lock(at('lock')), { code: 'ENOSPC' });
  } finally {
    disk.dispose();
  }
});

async function moreWrites(writers: Writers): Promise<void> {
  const before = writers.acknowledged.size;
  await eventually('acknowledged writes', async () =>
    writers.acknowledged.size > before + 20 ? true : null,
  );
}

/** Fills the disk until so many bytes are free. */
async function leave(disk: string, ballast: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(disk);
  const filling = writeFile(ballast, Buffer.alloc(Math.max(0, bavail * bsize - bytes)));
  await filling.catch((error: unknown) => {
    // The node may have taken the last blocks meanwhile: full is full.
    if (!String(error).includes('ENOSPC')) throw error;
  });
}

function keyedWrite(url: string, id: string): Promise<Response> {
  return fetch(`${url}/api/notes`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': id },
    body: JSON.stringify({ id, text: 'once', round: 0 }),
  });
}

async function write(url: string): Promise<number> {
  const answer = await fetch(`${url}/api/notes`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ id: randomUUID(), text: 'one more', round: 0 }),
  });
  const body: unknown = await answer.json();
  if (answer.status === 507) {
    assert.equal(answer.headers.get('content-type'), 'application/problem+json');
    assert.deepEqual(body, {
      type: 'about:blank',
      title: 'The disk has too little free space for writes',
      status: 507,
      detail: 'the disk of the leader is below its reserve',
      code: 'out_of_space',
    });
  }
  return answer.status;
}

async function storageOf(opsPort: number): Promise<{ readonly low: boolean }> {
  const answer = await fetch(`http://127.0.0.1:${opsPort}/_cluster/status`);
  const status: unknown = await answer.json();
  assert.ok(typeof status === 'object' && status !== null && 'storage' in status);
  const { storage } = status;
  assert.ok(typeof storage === 'object' && storage !== null && 'low' in storage);
  assert.ok(typeof storage.low === 'boolean');
  return { low: storage.low };
}

async function metricsOf(opsPort: number): Promise<string> {
  return (await fetch(`http://127.0.0.1:${opsPort}/metrics`)).text();
}

function admin(data: string, peerPort: number, command: 'snapshot' | 'members') {
  const words = command === 'members' ? ['member', 'list'] : ['snapshot'];
  const address = ['--address', `127.0.0.1:${peerPort}`];
  return lithair(...words, ...address, '--peer-tls', join(data, 'certs', 'admin'));
}
