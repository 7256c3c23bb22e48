import assert from 'node:assert/strict';
import { copyFile, cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { BUCKET, S3_ENVIRONMENT, S3Server, s3Skip } from '../cold/testing/s3-server.ts';
import { ServeCluster, type TestMember } from './serve-cluster.ts';
import { eventually, LithairProcess, lithair } from './serve-process.ts';

/** What every value and every id begins with, so that a byte search finds all of them. */
const MARK = 'zq-secret-';
const VERSIONS = [1, 2, 3, 4];
const IDS = ['a', 'b', 'c'];
const MEMOS = 20;

const modelOf = (endpoint: string): string => `
auth: {mode: open}
models:
  - name: Note
    fields:
      - {name: id, type: string, primaryKey: true}
      - {name: text, type: string}
    lifecycle: {audited: true, versioned: 100, retention: {hot: 1s, warm: 1s, cold: forever}}
    security: {encryptionAtRest: true}
  - name: Memo
    fields:
      - {name: id, type: string, primaryKey: true}
      - {name: text, type: string}
    persistence: {consistency: eventual}
    security: {encryptionAtRest: true}
store:
  snapshotEvery: 20
  cold: {type: s3, bucket: ${BUCKET}, endpoint: "${endpoint}", pathStyle: true}
`;

async function put(member: TestMember, path: string, text: string): Promise<void> {
  const url = `${member.url}/api/${path}`;
  const body = JSON.stringify({ text });
  const send = (more: Record<string, string>) =>
    fetch(url, { method: 'PUT', headers: { 'content-type': 'application/json', ...more }, body });
  const answer = await send({});
  if (answer.ok) return void (await answer.arrayBuffer());
  assert.equal(answer.status, 404, await answer.text());
  const created = await send({ 'if-none-match': '*' });
  assert.ok(created.ok, await created.text());
}

async function writeNotes(member: TestMember): Promise<void> {
  for (const version of VERSIONS) {
    for (const id of IDS) await put(member, `notes/${id}`, `${MARK}${id}-${version}`);
  }
}

/** Writes that stay with the member that takes them. */
async function takeMemos(member: TestMember): Promise<void> {
  for (let at = 0; at < MEMOS; at++) {
    const answer = await fetch(`${member.url}/api/memos`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ id: `${MARK}m${at}`, text: `${MARK}memo-${at}` }),
    });
    assert.equal(answer.headers.get('lithair-durability'), 'local', await answer.text());
  }
}

/** Files below a directory that hold a value in plain, or under a name that tells one. */
async function leaks(directory: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isFile()) continue;
    // A running member removes files meanwhile.
    const text = `${entry.name} ${await readFile(path, 'latin1').catch(() => '')}`;
    if (text.includes(MARK)) found.push(path.slice(directory.length + 1));
  }
  return found.sort();
}

interface Encryption {
  readonly files: readonly { readonly key: number; readonly count: number }[];
  readonly pending: number;
}

async function encryptionOf({ opsUrl }: TestMember): Promise<Encryption> {
  const status: { encryption: Encryption } = JSON.parse(
    await (await fetch(`${opsUrl}/_cluster/status`)).text(),
  );
  return status.encryption;
}

async function allHave(member: TestMember, key: number): Promise<void> {
  await eventually(`all files of ${member.name} to have key ${key}`, async () => {
    const { files, pending } = await encryptionOf(member);
    return pending === 0 && files.every((file) => file.key === key) ? true : null;
  });
}

async function requireHistory(member: TestMember): Promise<void> {
  for (const id of IDS) {
    for (const version of VERSIONS) {
      const answer = await fetch(`${member.url}/api/notes/${id}?version=${version}`);
      const text = await answer.text();
      assert.equal(answer.status, 200, text);
      assert.ok(text.includes(`${MARK}${id}-${version}`), text);
    }
  }
}

/** Waits until a member has let go of what is cold, and reads it from the store. */
async function requireCold(member: TestMember): Promise<void> {
  await eventually(`${member.name} to let go of what is cold`, async () =>
    member.process.output.includes('let go of what is cold') ? true : null,
  );
  await requireHistory(member);
  await allHave(member, 1);
  assert.deepEqual(await leaks(member.dataDir), []);
}

async function ok(...words: string[]): Promise<string> {
  const { code, output } = await lithair(...words);
  assert.equal(code, 0, output);
  return output;
}

/** Files of a bucket, and bytes of each: an object that is written anew has another name. */
async function objectsOf(server: S3Server): Promise<string[]> {
  const entries = await readdir(server.bucketDirectory, { recursive: true, withFileTypes: true });
  return entries.flatMap((entry) => (entry.isFile() ? [entry.name] : [])).sort();
}

test('cold objects and outboxes hold nothing in plain, and follow each new key', {
  skip: s3Skip,
}, async (t) => {
  Object.assign(process.env, S3_ENVIRONMENT);
  const server = await S3Server.start();
  t.after(() => server.close());
  const root = join(server.bucketDirectory, '..');
  const [model, keys, backup] = [join(root, 'm.yaml'), join(root, 'keys.json'), join(root, 'b')];
  await writeFile(model, modelOf(server.endpoint));
  await ok('keys', 'init', keys);
  const cluster = await ServeCluster.start(model, 3, '--keys', keys);
  t.after(() => cluster.stop());
  const dirs = cluster.members.flatMap(({ dataDir }) => ['--data', dataDir]);
  const [first, second, third] = cluster.members;
  assert.ok(first && second && third);

  await writeNotes(first);
  // Log time must go on for what is written to get cold.
  const objects = await eventually('objects in the bucket', async () => {
    await put(first, 'notes/clock', `${MARK}${Date.now()}`);
    const found = await objectsOf(server);
    return found.length > 1 ? found : null;
  });
  assert.ok(
    objects.every((name) => name.endsWith('.arc.sealed')),
    String(objects),
  );
  await Promise.all(cluster.members.map(requireCold));
  assert.deepEqual(await leaks(server.bucketDirectory), []);

  // Two members are away: the third one takes writes by itself, and cannot have them ordered.
  await Promise.all([first, second].map((away) => away.process.kill('SIGTERM')));
  await takeMemos(third);
  const outbox = join(third.dataDir, 'outbox');
  assert.ok((await readdir(join(outbox, 'events.raftlog'))).length > 0);
  assert.deepEqual(await leaks(outbox), []);

  const old = join(root, 'old.json');
  await copyFile(keys, old);
  await ok('keys', 'rotate', keys);
  third.process.signal('SIGHUP');
  await eventually('the third member to have the new key', async () =>
    third.process.output.includes('"active":2') ? true : null,
  );
  const early = await lithair('keys', 'remove', keys, '--id', '1', ...dirs);
  assert.equal(early.code, 1);
  assert.match(early.output, /key 1 is needed by .*: nothing changed/);
  const only = ['--data', third.dataDir];
  const listed = await ok('keys', 'list', keys, ...only);
  assert.match(listed, /key 1, of .*: needed by /);
  assert.ok((await encryptionOf(third)).pending > 0, 'what waits in the outbox has the old key');

  [first, second].forEach((back) => cluster.restart(back));
  await cluster.allReady();
  await Promise.all(cluster.members.map((member) => allHave(member, 2)));
  await eventually('no object to be left of the old key', async () => {
    const left = await objectsOf(server);
    return left.some((name) => objects.includes(name)) ? null : true;
  });
  assert.match(await ok('keys', 'list', keys, ...dirs), /key 1.*not needed.*\nkey 2.*needed by/);
  const places = [server.bucketDirectory, ...cluster.members.map(({ dataDir }) => dataDir)];
  assert.deepEqual((await Promise.all(places.map(leaks))).flat(), []);
  const memos = await (await fetch(`${first.url}/api/memos?limit=100`)).text();
  assert.equal(memos.split(`${MARK}memo-`).length - 1, MEMOS);
  await Promise.all(cluster.members.map(requireHistory));

  const taken = await cluster.admin(first, 'backup', backup, '--keys', keys);
  assert.equal(taken.code, 0, taken.output);
  assert.deepEqual(await leaks(backup), []);

  // Without the key of the objects a member does not start, and says which needs which.
  await third.process.kill('SIGTERM');
  const lacking = new LithairProcess(third.words.map((word) => (word === keys ? old : word)));
  assert.equal((await lacking.ended).code, 3);
  assert.match(lacking.output, /needs key 2, which .*old\.json does not hold/);
  // Even where nothing else of a directory needs it.
  const ends = join(root, 'ends');
  await mkdir(ends);
  await Promise.all(
    ['node.json', 'lifecycle.meta', 'archive'].map((name) =>
      cp(join(third.dataDir, name), join(ends, name), { recursive: true }),
    ),
  );
  const later = join(root, 'later.json');
  await copyFile(keys, later);
  await ok('keys', 'rotate', later);
  const cold = await lithair('keys', 'remove', later, '--id', '2', '--data', ends);
  assert.equal(cold.code, 1);
  assert.match(
    cold.output,
    /key 2 is needed by .*cold object Note-\S+\.arc\.sealed.*: nothing changed/,
  );
  assert.match(await ok('keys', 'remove', keys, '--id', '1', ...dirs), /key 1 is gone/);
  cluster.restart(third);
  await cluster.allReady();
  await requireHistory(third);

  // One whose key 2 is another one cannot read the others' objects: it says so, and none are added.
  const other = join(root, 'other.json');
  await ok('keys', 'init', other);
  await ok('keys', 'rotate', other);
  const fourth = await cluster.join('n4', '--keys', other);
  await cluster.ready([fourth]);
  const leader = await cluster.leader();
  await eventually('the leader to wait for the keys', async () => {
    await put(first, 'notes/clock', `${MARK}${Date.now()}`);
    return leader.process.output.includes('member n4 has another key 2') ? true : null;
  });
  const refusal = /cannot be read now: .*is encrypted with another key 2/;
  await eventually('the fourth member to say why it cannot read', async () => {
    const refused = await fetch(`${fourth.url}/api/notes/a?version=1`);
    const text = await refused.text();
    assert.equal(refused.status, 503, text);
    return refusal.test(text) ? true : null;
  });
  await requireHistory(leader);
});
