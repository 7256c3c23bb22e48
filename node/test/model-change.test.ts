import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { ServeCluster, statusOf, type TestMember } from './serve-cluster.ts';
import { eventually, lithair } from './serve-process.ts';

const MODEL = join(import.meta.dirname, 'notes.yaml');
const ROUND = '        - {name: round, type: integer, required: true, index: hash}\n';

function peerAddress(member: TestMember): string {
  return `127.0.0.1:${member.words[member.words.indexOf('--peer-port') + 1]}`;
}

test('a running cluster takes an additive change on every node, and refuses a breaking one', async () => {
  const cluster = await ServeCluster.start(MODEL, 3);
  try {
    const [first, , last] = cluster.members;
    assert.ok(first && last);
    const pids = cluster.members.map((member) => member.process.pid);
    const text = await readFile(MODEL, 'utf8');
    const more = `${text}        - {name: mood, type: enum, values: [good, bad], default: good}\n`;
    const [additive, breaking] = [
      join(cluster.directory, 'more.yaml'),
      join(cluster.directory, 'less.yaml'),
    ];
    await writeFile(additive, more);
    await writeFile(breaking, text.replace(ROUND, ''));
    const tls = ['--peer-tls', join(cluster.directory, 'certs', 'admin')];
    const ask = (file: string, member: TestMember, ...flags: string[]) =>
      lithair('model', file, '--address', peerAddress(member), ...tls, ...flags);

    const created = await fetch(`${first.url}/api/notes`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ text: 'before', round: 1 }),
    });
    const location = created.headers.get('location') ?? '';

    const planned = await ask(additive, last, '--dry-run');
    assert.match(planned.output, /would-apply: schema version 2/);
    assert.equal((await statusOf(first))?.schemaVersion, 1);

    const applied = await ask(additive, last);
    assert.equal(applied.code, 0, applied.output);
    assert.match(applied.output, /mood/);
    for (const member of cluster.members) {
      await eventually(`${member.name} to follow`, async () =>
        (await statusOf(member))?.schemaVersion === 2 ? true : null,
      );
      const row: unknown = await (await fetch(`${member.url}${location}`)).json();
      assert.match(JSON.stringify(row), /"text":"before","round":1,"mood":"good"/);
    }

    const indexed = join(cluster.directory, 'indexed.yaml');
    await writeFile(indexed, more.replace('default: good}', 'default: good, index: ordered}'));
    const prepared = await ask(indexed, last);
    assert.match(prepared.output, /applied: schema version 3/);
    for (const member of cluster.members) {
      await eventually(`${member.name} to have the index`, async () => {
        const status = await statusOf(member);
        return status?.schemaVersion === 3 && status.modelChange === null ? true : null;
      });
      const found = await fetch(`${member.url}/api/notes?sort=mood&mood[gte]=bad`);
      assert.match(await found.text(), /"text":"before"/);
    }

    const refused = await ask(breaking, first);
    assert.equal(refused.code, 1, refused.output);
    assert.match(refused.output, /round/);
    assert.equal((await statusOf(first))?.schemaVersion, 3);
    assert.deepEqual(
      cluster.members.map((member) => member.process.pid),
      pids,
    );
  } finally {
    await cluster.stop();
  }
});
