import assert from 'node:assert/strict';
import { chmod, copyFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ServeCluster, statusOf } from './serve-cluster.ts';
import { eventually, freePortFlags, LithairProcess, lithair } from './serve-process.ts';

const root = await mkdtemp(join(tmpdir(), 'lithair-encryption-'));
const started: LithairProcess[] = [];
after(async () => {
  await Promise.all(started.map((process) => process.kill('SIGKILL')));
  await rm(root, { recursive: true, force: true });
});

/** What every value begins with, so that a byte search finds all of them. */
const MARK = 'zq-secret-';

async function modelFile(name: string, encrypted: boolean): Promise<string> {
  const file = join(root, name);
  await writeFile(
    file,
    `auth: {mode: open}
store: {snapshotEvery: 50}
models:
  - name: Note
    fields:
      - {name: id, type: string, primaryKey: true}
      - {name: text, type: string, required: true, index: hash}
    lifecycle: {audited: true, retention: {hot: 1s, warm: forever}}
    security: {encryptionAtRest: ${encrypted}, auditAllOperations: true}
`,
  );
  return file;
}

const PLAIN = await modelFile('plain.yaml', false);
const SECRET = await modelFile('secret.yaml', true);

/** Files below a directory that hold a value in plain. */
async function leaks(dir: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    if ((await contentOf(path)).includes(MARK)) found.push(path.slice(dir.length + 1));
  }
  return found.sort();
}

/** A running node may take a file away between its listing and now. */
async function contentOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'latin1');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  }
}

interface Encryption {
  readonly activeKey: number;
  readonly files: readonly { readonly key: number; readonly count: number }[];
  readonly pending: number;
}

/** One served directory, with keys or without. */
class Served {
  readonly url: string;
  readonly #process: LithairProcess;
  readonly #ops: string;
  readonly #admin: string[];

  private constructor(model: string, dir: string, words: string[], keys: string | null) {
    const given = keys === null ? [] : ['--keys', keys];
    this.#process = new LithairProcess(['serve', model, '--data', dir, ...words, ...given]);
    started.push(this.#process);
    const at = (flag: string): string => `127.0.0.1:${words[words.indexOf(flag) + 1]}`;
    this.url = `http://${at('--port')}`;
    this.#ops = `http://${at('--ops-port')}`;
    this.#admin = ['--address', at('--peer-port'), '--peer-tls', join(dir, 'certs', 'admin')];
  }

  static async start(model: string, dir: string, keys: string | null): Promise<Served> {
    const served = new Served(model, dir, await freePortFlags(), keys);
    try {
      await eventually('the node to serve', async () =>
        (await fetch(`${served.url}/readyz`)).ok ? true : null,
      );
    } catch (error) {
      throw new Error(served.output, { cause: error });
    }
    return served;
  }

  get output(): string {
    return this.#process.output;
  }

  async put(id: string, text: string): Promise<void> {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ id, text });
    const exists = (await fetch(`${this.url}/api/notes/${id}`)).ok;
    const response = exists
      ? await fetch(`${this.url}/api/notes/${id}`, { method: 'PUT', headers, body })
      : await fetch(`${this.url}/api/notes`, { method: 'POST', headers, body });
    assert.ok(response.ok, await response.text());
  }

  async text(path: string): Promise<string> {
    return (await fetch(`${this.url}/api/notes/${path}`)).text();
  }

  async encryption(): Promise<Encryption | null> {
    const status: { encryption?: Encryption | null } = JSON.parse(
      await (await fetch(`${this.#ops}/_cluster/status`)).text(),
    );
    return status.encryption ?? null;
  }

  /** Waits until all files have one key, 0 for none. */
  async untilAllHave(key: number): Promise<void> {
    await eventually(`all files to have key ${key}`, async () => {
      const { files = [], pending = 1 } = (await this.encryption()) ?? {};
      return pending === 0 && files.length === 1 && files[0]?.key === key ? true : null;
    });
  }

  admin(...words: string[]) {
    return lithair(...words, ...this.#admin);
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.signal(signal);
  }

  kill(signal: NodeJS.Signals = 'SIGTERM') {
    return this.#process.kill(signal);
  }
}

async function refused(code: number, message: RegExp, ...words: string[]): Promise<void> {
  const done = await lithair(...words);
  assert.equal(done.code, code, done.output);
  const lines = done.output.split('\n').filter((line) => line.startsWith('lithair: '));
  assert.equal(lines.length, 1, done.output);
  assert.match(lines[0] ?? '', message);
}

async function ok(...words: string[]): Promise<string> {
  const { code, output } = await lithair(...words);
  assert.equal(code, 0, output);
  return output;
}

test('values are encrypted when the model says so, under each new key, and in plain again', async () => {
  const dir = join(root, 'data');
  const keys = join(root, 'keys.json');
  let node = await Served.start(PLAIN, dir, null);
  for (let round = 1; round <= 3; round++) {
    for (let id = 1; id <= 40; id++) await node.put(`${MARK}id${id}`, `${MARK}${id}-${round}`);
    assert.equal((await node.admin('compact')).code, 0);
  }
  await node.kill();
  const leaked = await leaks(dir);
  for (const part of ['archive/', 'audit/', 'state.raftsnap']) {
    assert.ok(
      leaked.some((file) => file.startsWith(part)),
      leaked.join(),
    );
  }

  const flags = ['--data', dir, ...(await freePortFlags())];
  await refused(
    1,
    /model Note asks for encryptionAtRest, and no keys were given \(--keys FILE\)/,
    'serve',
    SECRET,
    ...flags,
  );
  assert.match(await ok('keys', 'init', keys), /made key 1/);
  assert.equal((await stat(keys)).mode & 0o777, 0o600);
  await refused(1, /keys\.json is there already/, 'keys', 'init', keys);

  node = await Served.start(SECRET, dir, keys);
  await node.untilAllHave(1);
  assert.deepEqual(await leaks(dir), []);
  for (let id = 41; id <= 60; id++) await node.put(`${MARK}id${id}`, `${MARK}${id}-1`);
  assert.match(
    await node.text(`${MARK}id7/history`),
    /secret-7-1.*secret-7-2|secret-7-2.*secret-7-1/s,
  );
  assert.equal((await node.admin('compact')).code, 0);
  assert.deepEqual(await leaks(dir), []);
  const key: { keys: { secret: string }[] } = JSON.parse(await readFile(keys, 'utf8'));
  assert.ok(!node.output.includes(key.keys[0]?.secret ?? ''), 'a key is in the log');

  const backup = join(root, 'backup');
  const plainly = await node.admin('backup', backup);
  assert.equal(plainly.code, 1, plainly.output);
  assert.match(plainly.output, /a model of the cluster is encrypted at rest/);
  assert.equal((await node.admin('backup', backup, '--keys', keys)).code, 0);
  assert.deepEqual(await leaks(backup), []);

  const old = join(root, 'old.json');
  await copyFile(keys, old);
  await refused(1, /key 1 is the active one/, 'keys', 'remove', keys, '--id', '1', '--data', dir);
  assert.match(await ok('keys', 'rotate', keys), /key 2 is the active one/);
  node.signal('SIGHUP');
  // In the middle of the rewriting, as far as a test can tell.
  await eventually('files to be written anew', async () =>
    node.output.includes('"active":2') && node.output.includes('"key":2') ? true : null,
  );
  await node.kill('SIGKILL');
  node = await Served.start(SECRET, dir, keys);
  await node.untilAllHave(2);
  assert.match(
    await ok('keys', 'list', keys, '--data', dir),
    /key 1.*not needed.*\nkey 2.*active: needed by events\.raftlog\/.*more files/,
  );
  assert.match(await ok('keys', 'remove', keys, '--id', '1', '--data', dir), /key 1 is gone/);
  assert.match(await node.text(`${MARK}id50`), /secret-50-1/);
  await node.kill('SIGKILL');
  const lacking = /needs key 2, which .*old\.json does not hold/;
  await refused(3, lacking, 'serve', SECRET, '--keys', old, ...flags);

  await refused(3, /is encrypted with key 2, and no keys were given/, 'serve', PLAIN, ...flags);
  await refused(3, /is encrypted with key 2, and no keys were given/, 'log', dir);
  await refused(3, /audit\/\S+ is encrypted with key 2, and no keys/, 'log', dir, '--audit');
  const audited = await ok('log', dir, '--audit', '--keys', keys);
  assert.match(audited, /"sequence":1,.*"id":"zq-secret-id1"/);
  assert.match(audited, /"id":"zq-secret-id50"/);
  const entries = audited.trim().split('\n').length;
  const verified = await ok('log', dir, '--verify', '--keys', keys);
  assert.match(verified, new RegExp(`audit log: ${entries} entries follow each other.*\nsound`));
  assert.match(await ok('log', dir, '--keys', keys, '--raft'), /"key":2.*"kind":"compact"/);
  const other = join(root, 'other.json');
  await ok('keys', 'init', other);
  await ok('keys', 'rotate', other);
  const foreign = /audit\/\S+ is encrypted with another key 2 than that of .*other\.json/;
  await refused(3, foreign, 'log', dir, '--audit', '--keys', other);
  await refused(
    3,
    /events\.raftlog\/\S+ is encrypted with another key 2 than that of .*other\.json/,
    'serve',
    SECRET,
    '--keys',
    other,
    ...flags,
  );
  await chmod(other, 0o644);
  await refused(
    1,
    /other\.json may be read by everybody/,
    'serve',
    SECRET,
    '--keys',
    other,
    ...flags,
  );

  const into = join(root, 'restored');
  await refused(3, /encrypted with key 1, and no keys were given/, 'restore', backup, into);
  await refused(
    3,
    /needs key 1, which .*keys\.json does not hold/,
    'restore',
    backup,
    into,
    '--keys',
    keys,
  );
  assert.match(await ok('restore', backup, '--check', '--keys', old), /sound/);
  await ok('restore', backup, into, '--keys', old);
  assert.deepEqual(await leaks(into), []);
  node = await Served.start(SECRET, into, old);
  assert.match(await node.text(`${MARK}id50`), /secret-50-1/);
  assert.match(await node.text(`${MARK}id7/history`), /secret-7-1/);
  await node.kill();

  node = await Served.start(PLAIN, dir, keys);
  await node.untilAllHave(0);
  await node.kill();
  node = await Served.start(PLAIN, dir, null);
  assert.match(await node.text(`${MARK}id50`), /secret-50-1/);
  await node.kill();
});

test('a running cluster is not asked to encrypt while a member has no keys, and a member without keys cannot join', async () => {
  const keys = join(root, 'cluster.json');
  await ok('keys', 'init', keys);
  const cluster = await ServeCluster.start(PLAIN, 3, '--keys', keys);
  try {
    const [first] = cluster.members;
    assert.ok(first);
    const fourth = await cluster.join('n4');
    await cluster.ready([fourth]);
    const refusal = await cluster.admin(first, 'model', SECRET);
    assert.equal(refusal.code, 1, refusal.output);
    assert.match(refusal.output, /asks for encryptionAtRest, and member n4 was given no keys/);
    assert.equal((await statusOf(first))?.schemaVersion, 1);

    await fourth.process.kill('SIGTERM');
    const silent = await cluster.admin(first, 'model', SECRET);
    assert.match(silent.output, /member n4 does not say whether it has keys/);
    fourth.process = new LithairProcess([...fourth.words, '--keys', keys]);
    await cluster.ready([fourth]);
    // The leader reaches it again a moment after it is ready.
    await eventually('the model to be applied', async () => {
      const { code, output } = await cluster.admin(first, 'model', SECRET);
      if (code !== 0) assert.match(output, /member n4 does not say whether it has keys/);
      return code === 0 ? true : null;
    });
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ id: 'a', text: `${MARK}a` });
    const created = await fetch(`${first.url}/api/notes`, { method: 'POST', headers, body });
    assert.equal(created.status, 201);
    for (const { opsUrl, dataDir } of cluster.members) {
      await eventually('all files to be encrypted', async () => {
        const status = JSON.parse(await (await fetch(`${opsUrl}/_cluster/status`)).text());
        const { files, pending }: Encryption = status.encryption;
        return pending === 0 && files.every(({ key }) => key === 1) ? true : null;
      });
      assert.deepEqual(await leaks(dataDir), []);
    }

    const fifth = await cluster.join('n5');
    const { code } = await fifth.process.ended;
    assert.equal(code, 3, fifth.process.output);
    const reason = /^lithair: a model of the cluster is encrypted at rest, and no keys were given/m;
    assert.match(fifth.process.output, reason);
    assert.deepEqual(await leaks(fifth.dataDir), []);
  } finally {
    await cluster.stop();
  }
});
