import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ServeCluster, type TestMember } from './serve-cluster.ts';
import { lithair } from './serve-process.ts';

const MODEL = join(import.meta.dirname, 'audited.yaml');

async function statusOf(member: TestMember, path: string, body?: string): Promise<number> {
  const options = body === undefined ? {} : { method: 'POST', body };
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${member.url}${path}`, { ...options, headers });
  await response.arrayBuffer();
  return response.status;
}

test('reads survive kill -9 in the audit log of their node, and a changed one is named', async (t) => {
  const cluster = await ServeCluster.start(MODEL, 1);
  t.after(() => cluster.stop());
  const [member] = cluster.members;
  assert.ok(member !== undefined);
  assert.equal(await statusOf(member, '/api/notes', '{"id":"n1","text":"topsecret"}'), 201);
  assert.equal(await statusOf(member, '/api/notes/n1'), 200);
  assert.equal(await statusOf(member, '/api/notes?text=topsecret'), 200);
  assert.equal(await statusOf(member, '/api/notes/other'), 404);
  await member.process.kill('SIGKILL');
  const shown = await lithair('log', member.dataDir, '--audit', '--model', 'Note');
  assert.equal(shown.code, 0, shown.output);
  const entries = shown.output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    entries.map(({ operation, id, outcome, status }) => [operation, id, outcome, status]),
    [
      ['create', '', 'begun', 0],
      ['read', 'n1', 'allowed', 200],
      ['list', '', 'allowed', 200],
      ['read', 'other', 'refused', 404],
    ],
  );
  assert.deepEqual(entries[2].parameters, ['text']);
  const directory = join(member.dataDir, 'audit');
  const [name = ''] = readdirSync(directory);
  const text = readFileSync(join(directory, name), 'utf8');
  assert.doesNotMatch(text, /topsecret/);
  cluster.restart(member);
  await cluster.ready([member]);
  assert.equal(await statusOf(member, '/api/notes/n1'), 200);
  await member.process.kill('SIGKILL');
  const verified = await lithair('log', member.dataDir, '--verify');
  assert.match(verified.output, /audit log: 5 entries follow each other/);
  writeFileSync(join(directory, name), text.replace('"id":"n1"', '"id":"n2"'));
  for (const option of ['--audit', '--verify']) {
    const refused = await lithair('log', member.dataDir, option);
    assert.equal(refused.code, 3, refused.output);
    assert.match(refused.output, new RegExp(`audit/${name} is corrupt at offset \\d+`));
  }
  writeFileSync(join(directory, name), text);
  const newest = readdirSync(directory).at(-1) ?? '';
  const ending = readFileSync(join(directory, newest), 'utf8');
  writeFileSync(join(directory, newest), ending.replace('"status":200', '"status":403'));
  const changed = await lithair('log', member.dataDir, '--verify');
  assert.equal(changed.code, 3, changed.output);
  assert.match(changed.output, new RegExp(`audit/${newest} is corrupt at offset \\d+: its last`));
  writeFileSync(join(directory, newest), ending.slice(0, -9));
  const torn = await lithair('log', member.dataDir, '--verify');
  assert.equal(torn.code, 0, torn.output);
  assert.match(torn.output, new RegExp(`audit/${newest}: unfinished entry at the end: \\d+ bytes`));
});
