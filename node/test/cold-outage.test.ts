import assert from 'node:assert/strict';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { BUCKET, S3_ENVIRONMENT, S3Server, s3Skip } from '../cold/testing/s3-server.ts';
import { ServeCluster, type TestMember } from './serve-cluster.ts';
import { eventually } from './serve-process.ts';

const modelOf = (endpoint: string): string => `
auth: {mode: open}
models:
  - name: Note
    fields:
      - {name: id, type: string, primaryKey: true}
      - {name: text, type: string}
    lifecycle: {versioned: 1000, retention: {hot: 1s, warm: 1s, cold: forever}}
store:
  cold: {type: s3, bucket: ${BUCKET}, endpoint: "${endpoint}", pathStyle: true}
`;

/** Makes the next version of a note; its text tells which it is. */
async function change(member: TestMember, id: string): Promise<number> {
  const url = `${member.url}/api/notes/${id}`;
  const known = await fetch(url);
  const version = Number(known.headers.get('lithair-version') ?? 0) + 1;
  const answer = await fetch(url, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', ...(version === 1 && { 'if-none-match': '*' }) },
    body: JSON.stringify({ text: `${id}-${version}` }),
  });
  assert.ok(answer.ok, await answer.text());
  return version;
}

async function objectsOf(server: S3Server): Promise<number> {
  const entries = await readdir(server.bucketDirectory, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).length;
}

interface Line {
  readonly msg?: string;
  readonly againInMs?: number;
}

/** How long the member said that it waits before it asks the store again, time by time. */
function waitsOf(member: TestMember): number[] {
  const lines = member.process.output.split('\n').filter((line) => line.startsWith('{'));
  return lines.flatMap((line) => {
    const { againInMs }: Line = JSON.parse(line);
    return againInMs === undefined ? [] : [againInMs];
  });
}

async function gauge(member: TestMember, name: string): Promise<number> {
  const text = await (await fetch(`${member.opsUrl}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? NaN);
}

async function requireAll(member: TestMember, id: string, versions: number): Promise<void> {
  for (let version = 1; version <= versions; version++) {
    const answer = await fetch(`${member.url}/api/notes/${id}?version=${version}`);
    const text = await answer.text();
    assert.equal(answer.status, 200, text);
    assert.ok(text.includes(`${id}-${version}`), text);
  }
}

test('an outage of the bucket loses nothing, is told, and ends without a person', {
  skip: s3Skip,
}, async (t) => {
  Object.assign(process.env, S3_ENVIRONMENT);
  const server = await S3Server.start();
  t.after(() => server.close());
  const model = join(server.bucketDirectory, '..', 'model.yaml');
  await writeFile(model, modelOf(server.endpoint));
  const cluster = await ServeCluster.start(model, 1);
  t.after(() => cluster.stop());
  const [member] = cluster.members;
  assert.ok(member);

  for (let count = 0; count < 3; count++) await change(member, 'early');
  await eventually('the first note to be in the bucket alone', async () => {
    await change(member, 'clock');
    return member.process.output.includes('let go of what is cold') ? true : null;
  });
  await requireAll(member, 'early', 3);
  const before = await objectsOf(server);

  await server.down();
  // Blocks that were read lately are still in memory; a new process has none of them.
  await member.process.kill('SIGKILL');
  cluster.restart(member);
  await cluster.allReady();
  const past = await fetch(`${member.url}/api/notes/early?version=1`);
  assert.equal(past.status, 503);
  assert.equal(past.headers.get('content-type'), 'application/problem+json');
  assert.match(await past.text(), /"code":"unavailable"/);
  assert.equal((await fetch(`${member.url}/api/notes/early`)).status, 200, 'what is now is read');
  let late = 0;
  await eventually('the store to be asked again, ever more seldom', async () => {
    late = await change(member, 'late');
    return waitsOf(member).length >= 3 ? true : null;
  });
  const [first = 0, second = 0, third = 0] = waitsOf(member);
  assert.ok(first < second && second < third, `${first}, ${second}, ${third} ms`);
  assert.ok((await gauge(member, 'lithair_cold_failures')) >= 3);
  await requireAll(member, 'late', late);
  assert.equal(await objectsOf(server), before, 'nothing was put there');
  assert.equal((await fetch(`${member.url}/readyz`)).status, 200);

  await server.open();
  await eventually(
    'what waited to be moved',
    async () => {
      await change(member, 'clock');
      return (await objectsOf(server)) > before ? true : null;
    },
    120_000,
  );
  await requireAll(member, 'early', 3);
  await requireAll(member, 'late', late);
});
