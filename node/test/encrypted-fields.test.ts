import assert from 'node:assert/strict';
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ServeCluster, statusOf } from './serve-cluster.ts';
import { eventually, freePortFlags, LithairProcess, lithair } from './serve-process.ts';

const root = await mkdtemp(join(tmpdir(), 'lithair-fields-'));
const started: LithairProcess[] = [];
after(async () => {
  await Promise.all(started.map((process) => process.kill('SIGKILL')));
  await rm(root, { recursive: true, force: true });
});

/** What every encrypted value begins with, so that a byte search finds all of them. */
const MARK = 'zq-secret-';
/** As it stands in rows beside them, so that a search that finds nothing has looked. */
const OPEN = 'zq-open-';

async function modelFile(name: string, isEncrypted: boolean, codec: string): Promise<string> {
  const file = join(root, name);
  const secret = isEncrypted ? '\n      - {name: secret, type: string, encrypted: true}' : '';
  await writeFile(
    file,
    `auth: {mode: open}
store: {snapshotEvery: 50, codec: ${codec}}
models:
  - name: Note
    fields:
      - {name: id, type: string, primaryKey: true}
      - {name: open, type: string}${secret}
    lifecycle: {audited: true, softDelete: true, retention: {hot: 1s, warm: forever}}
    security: {auditAllOperations: true}
`,
  );
  return file;
}

const PLAIN = await modelFile('plain.yaml', false, 'json');
const SECRET = await modelFile('secret.yaml', true, 'json');
const BINARY = await modelFile('binary.yaml', true, 'binary');

/** Files below a directory that hold a text; log records may be packed, snapshots are not. */
async function filesWith(dir: string, text: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const content = await readFile(path, 'latin1').catch(() => '');
    if (content.includes(text)) found.push(path.slice(dir.length + 1));
  }
  return found.sort();
}

class Served {
  readonly url: string;
  readonly process: LithairProcess;
  readonly #ops: string;
  readonly #admin: string[];

  private constructor(model: string, dir: string, words: string[], keys: string) {
    this.process = new LithairProcess(['serve', model, '--data', dir, ...words, '--keys', keys]);
    started.push(this.process);
    const at = (flag: string): string => `127.0.0.1:${words[words.indexOf(flag) + 1]}`;
    this.url = `http://${at('--port')}/api/notes`;
    this.#ops = `http://${at('--ops-port')}`;
    this.#admin = ['--address', at('--peer-port'), '--peer-tls', join(dir, 'certs', 'admin')];
  }

  static async start(model: string, dir: string, keys: string): Promise<Served> {
    const served = new Served(model, dir, await freePortFlags(), keys);
    const ready = `${new URL(served.url).origin}/readyz`;
    try {
      await eventually('the node to serve', async () => ((await fetch(ready)).ok ? true : null));
    } catch (error) {
      throw new Error(served.process.output, { cause: error });
    }
    return served;
  }

  async put(id: string, round: number): Promise<void> {
    const body = JSON.stringify({ id, open: `${OPEN}${id}`, secret: `${MARK}${id}-${round}` });
    const headers = { 'content-type': 'application/json', 'idempotency-key': `${id}-${round}` };
    const method = round === 1 ? 'POST' : 'PUT';
    const url = round === 1 ? this.url : `${this.url}/${id}`;
    const response = await fetch(url, { method, headers, body });
    assert.ok(response.ok, await response.text());
  }

  async text(path: string): Promise<string> {
    return (await fetch(`${this.url}/${path}`)).text();
  }

  async secret(id: string): Promise<unknown> {
    return JSON.parse(await this.text(id)).secret;
  }

  /** The keys that something on this node needs. */
  async neededKeys(): Promise<number[]> {
    const status: { encryption: { files: { key: number }[] } } = JSON.parse(
      await (await fetch(`${this.#ops}/_cluster/status`)).text(),
    );
    return status.encryption.files.map(({ key }) => key).filter((key) => key > 0);
  }

  admin(...words: string[]) {
    return lithair(...words, ...this.#admin);
  }
}

async function ok(...words: string[]): Promise<string> {
  const { code, output } = await lithair(...words);
  assert.equal(code, 0, output);
  return output;
}

async function refused(code: number, message: RegExp, ...words: string[]): Promise<void> {
  const done = await lithair(...words);
  assert.equal(done.code, code, done.output);
  assert.match(done.output, message);
}

async function write(node: Served): Promise<void> {
  for (let round = 1; round <= 2; round++) {
    for (let id = 1; id <= 40; id++) await node.put(`n${id}`, round);
    assert.equal((await node.admin('compact')).code, 0);
  }
  await fetch(`${node.url}/n40`, { method: 'DELETE' });
}

test('a value is on no disk in plain, without encryption at rest, and outlasts each master key', async () => {
  const dir = join(root, 'data');
  const keys = join(root, 'keys.json');
  const flags = ['--data', dir, ...(await freePortFlags())];
  const none = /model Note has encrypted fields \(secret\), and no keys were given \(--keys FILE\)/;
  await refused(1, none, 'serve', SECRET, ...flags);
  await ok('keys', 'init', keys);
  let node = await Served.start(SECRET, dir, keys);
  await write(node);
  const backup = join(root, 'backup');
  assert.equal((await node.admin('backup', backup)).code, 0);
  assert.equal(await node.secret('n7'), `${MARK}n7-2`);
  assert.match(await node.text('_deleted/n40'), /zq-secret-n40-2/);
  assert.match(await node.text('n7/history'), /zq-secret-n7-2.*zq-secret-n7-1/s);
  const shown = await ok('log', dir, '--aggregate', 'n7');
  assert.match(shown, /lithair:aes256gcm:/);
  assert.ok(!shown.includes(MARK), shown);
  for (const place of [dir, backup]) assert.deepEqual(await filesWith(place, MARK), []);
  const open = await filesWith(dir, OPEN);
  assert.ok(open.includes('state.raftsnap'), open.join());
  assert.ok(!node.process.output.includes(MARK));

  const old = join(root, 'old.json');
  await copyFile(keys, old);
  assert.deepEqual(await node.neededKeys(), [1]);
  await ok('keys', 'rotate', keys);
  const early = /key 1 is needed by encrypted fields.*: nothing changed.*lithair compact/;
  await refused(1, early, 'keys', 'remove', keys, '--id', '1', '--data', dir);
  node.process.signal('SIGHUP');
  await eventually('the newest key to be the one that is needed', async () =>
    (await node.neededKeys()).join() === '2' ? true : null,
  );
  assert.equal((await node.admin('compact')).code, 0);
  await ok('keys', 'remove', keys, '--id', '1', '--data', dir);
  await node.put('n41', 1);
  await node.process.kill('SIGKILL');
  const lacking = /the key of encrypted fields needs key 2, which .*old\.json does not hold/;
  await refused(3, lacking, 'serve', SECRET, '--keys', old, ...flags);
  const other = join(root, 'other.json');
  await ok('keys', 'init', other);
  await ok('keys', 'rotate', other);
  const foreign = /the key of encrypted fields is encrypted with another key 2 than/;
  await refused(3, foreign, 'serve', SECRET, '--keys', other, ...flags);
  const gone = await lithair('serve', PLAIN, '--keys', keys, ...flags);
  assert.match(gone.output, /Note\.secret is gone/);

  node = await Served.start(BINARY, dir, keys);
  for (let id = 1; id < 40; id++) assert.equal(await node.secret(`n${id}`), `${MARK}n${id}-2`);
  assert.equal(await node.secret('n41'), `${MARK}n41-1`);
  assert.match(await node.text('n7/history'), /zq-secret-n7-2.*zq-secret-n7-1/s);
  await node.put('n42', 1);
  assert.deepEqual(await filesWith(dir, MARK), []);
  await node.process.kill('SIGTERM');

  const into = join(root, 'restored');
  const unopened = /the key of encrypted fields is encrypted with another key 1 than/;
  await refused(3, unopened, 'restore', backup, into, '--keys', other);
  assert.match(await ok('restore', backup, into), /its encrypted fields need key 1: serve it with/);
  const at = ['--data', into, ...(await freePortFlags())];
  await refused(
    3,
    /needs key 1, which .*keys\.json does not/,
    'serve',
    SECRET,
    '--keys',
    keys,
    ...at,
  );
  node = await Served.start(SECRET, into, old);
  assert.equal(await node.secret('n7'), `${MARK}n7-2`);
  await node.process.kill('SIGTERM');
});

/** Of the log of a leader: why the third member has no vote. */
function isTold(line: string): boolean {
  const says = line.includes('could not promote a learner yet');
  return says && /member n3 (has no key 1|does not say)/.test(line);
}

test('a running cluster takes an encrypted field in once all members have the same keys', async () => {
  const keys = join(root, 'cluster.json');
  const others = join(root, 'others.json');
  await ok('keys', 'init', keys);
  await ok('keys', 'init', others);
  const cluster = await ServeCluster.start(PLAIN, 1, '--keys', keys);
  try {
    const [first] = cluster.members;
    assert.ok(first);
    const second = await cluster.join('n2');
    await cluster.ready([second]);
    const refusedWith = (reason: RegExp) =>
      eventually(`the model to be refused with ${reason}`, async () => {
        const { code, output } = await cluster.admin(first, 'model', SECRET);
        assert.equal(code, 1, output);
        return reason.test(output) ? true : null;
      });
    await refusedWith(/a model has encrypted fields, and member n2 was given no keys/);
    const restarted = async (...given: string[]) => {
      await second.process.kill('SIGTERM');
      second.process = new LithairProcess([...second.words, ...given]);
      await cluster.ready([second]);
    };
    await restarted('--keys', others);
    await refusedWith(/n2 has another key 1: all members need the same keys to open encrypted f/);
    assert.equal((await statusOf(first))?.schemaVersion, 1);
    await restarted('--keys', keys);
    await eventually('the model to be applied', async () =>
      (await cluster.admin(first, 'model', SECRET)).code === 0 ? true : null,
    );
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ id: 'a', open: 'o', secret: `${MARK}a` });
    const created = await fetch(`${second.url}/api/notes`, { method: 'POST', headers, body });
    assert.equal(created.status, 201, await created.text());
    for (const { url, dataDir } of cluster.members) {
      const read = await fetch(`${url}/api/notes/a`);
      assert.match(await read.text(), /zq-secret-a/);
      assert.deepEqual(await filesWith(dataDir, MARK), []);
    }
    const third = await cluster.join('n3');
    await eventually('a leader to say why n3 has no vote', async () =>
      cluster.members.some(({ process }) => process.output.split('\n').some(isTold)) ? true : null,
    );
    assert.equal((await third.process.ended).code, 3, third.process.output);
    const roles = (await statusOf(first))?.members.map(({ name, role }) => `${name} ${role}`);
    assert.deepEqual(roles, ['n1 voter', 'n2 voter', 'n3 learner']);
    const more = JSON.stringify({ id: 'b', open: 'o', secret: `${MARK}b` });
    const url = `${first.url}/api/notes`;
    assert.equal((await fetch(url, { method: 'POST', headers, body: more })).status, 201);
    const [verb = '', , ...flags] = third.words;
    third.words = [verb, SECRET, ...flags, '--keys', keys];
    cluster.restart(third);
    await cluster.allReady();
  } finally {
    await cluster.stop();
  }
});
