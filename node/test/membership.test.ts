import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { ServeCluster, statusOf, type TestMember } from './serve-cluster.ts';
import { eventually, freePort, lithair } from './serve-process.ts';

const MODEL = join(import.meta.dirname, 'notes.yaml');

test('a cluster goes from one voter to three, to five, and back to three, without losing a write', async () => {
  const cluster = await ServeCluster.start(MODEL, 1);
  try {
    const [first] = cluster.members;
    assert.ok(first);
    await note(first, 'one');
    await Promise.all([cluster.join('n2'), cluster.join('n3')]);
    await votersAre(cluster, first, ['n1', 'n2', 'n3']);
    await note(first, 'three');
    const reader = await cluster.join('n6', '--role', 'learner', '--region', 'us-east');
    await Promise.all([cluster.join('n4'), cluster.join('n5')]);
    await votersAre(cluster, first, ['n1', 'n2', 'n3', 'n4', 'n5']);
    await cluster.ready(cluster.members);
    await note(member(cluster, 'n5'), 'five');

    // One by another's hand, the leader and another by asking the very member that is to go.
    const leader = await cluster.leader();
    const gone = [leader, ...cluster.members.filter((one) => one !== leader && one !== reader)];
    for (const leaver of gone.slice(0, 2)) {
      const id = (await statusOf(leaver))?.memberId ?? 0;
      const removed = await cluster.admin(leaver, 'member', 'remove', String(id));
      assert.equal(removed.code, 0, removed.output);
      assert.match(removed.output, new RegExp(`member ${id} removed`));
      assert.equal((await leaver.process.ended).code, 3);
      assert.match(leaver.process.output, /ClusterIDMismatch: .*removed from the cluster/);
      // Its disk cannot come back.
      cluster.restart(leaver);
      assert.equal((await leaver.process.ended).code, 3);
      assert.match(leaver.process.output, /ClusterIDMismatch: .*removed from the cluster/);
      await cluster.forget(leaver);
    }
    const [present] = cluster.members;
    assert.ok(present);
    const status = await eventually('three voters', async () => {
      const found = await statusOf(present);
      return found?.members.filter(({ role }) => role === 'voter').length === 3 ? found : null;
    });
    const learner = status.members.find(({ name }) => name === 'n6');
    assert.deepEqual([learner?.role, learner?.region], ['learner', 'us-east']);
    assert.deepEqual(await notesOn(reader), ['five', 'one', 'three']);
    await note(reader, 'again three');
    assert.deepEqual(await notesOn(present), ['again three', 'five', 'one', 'three']);
  } finally {
    await cluster.stop();
  }
});

test('a lost member is replaced by one command, which refuses one that still answers', async () => {
  const cluster = await ServeCluster.start(MODEL, 3);
  try {
    const lost = await follower(cluster);
    const asked = cluster.members.find((one) => one !== lost) ?? lost;
    const id = (await statusOf(lost))?.memberId ?? 0;
    const words = ['member', 'replace', String(id), '--timeout', '60'];
    const refused = await cluster.admin(asked, ...words);
    assert.equal(refused.code, 1);
    assert.match(refused.output, /refused: member \d \(n\d\) is not lost: it answers/);

    await cluster.forget(lost);
    const next = await cluster.join(lost.name);
    const replaced = await cluster.admin(asked, ...words);
    assert.equal(replaced.code, 0, replaced.output + next.process.output.slice(-2000));
    assert.match(replaced.output, new RegExp(`member ${id} replaced by member 4`));
    await cluster.ready([next]);
    const unknown = await cluster.admin(asked, 'member', 'replace', String(id));
    assert.equal(unknown.code, 1);
    assert.match(unknown.output, new RegExp(`there is no member ${id}`));
  } finally {
    await cluster.stop();
  }
});

test('all members may come back on other addresses at the same time', async () => {
  const cluster = await ServeCluster.start(MODEL, 3);
  try {
    const [first] = cluster.members;
    assert.ok(first);
    await note(first, 'kept');
    await Promise.all(cluster.members.map((one) => one.process.kill('SIGTERM')));
    const ports = await Promise.all(cluster.members.map(() => freePort()));
    const initial = cluster.members.map((one, at) => `${one.name}=127.0.0.1:${ports[at]}`);
    for (const [at, one] of cluster.members.entries()) {
      const words = [...one.words];
      words[words.indexOf('--peer-port') + 1] = String(ports[at]);
      words[words.indexOf('--initial-cluster') + 1] = initial.join(',');
      one.words = words;
      cluster.restart(one);
    }
    await cluster.allReady();
    await note(member(cluster, 'n2'), 'new');
    assert.deepEqual(await notesOn(member(cluster, 'n3')), ['kept', 'new']);
    const tls = join(cluster.directory, 'certs', 'admin');
    await eventually('the table to have all new addresses', async () => {
      const address = `127.0.0.1:${ports[0]}`;
      const list = await lithair('member', 'list', '--address', address, '--peer-tls', tls);
      return ports.every((port) => list.output.includes(`127.0.0.1:${port}`)) ? true : null;
    });
  } finally {
    await cluster.stop();
  }
});

test('a graceful stop hands leadership over, and a cluster that stops as a whole does not wait', async () => {
  const cluster = await ServeCluster.start(MODEL, 3);
  try {
    const leader = await cluster.leader();
    const others = cluster.members.filter((one) => one !== leader);
    assert.equal((await leader.process.kill('SIGTERM')).code, 0);
    assert.match(leader.process.output, /handed leadership over/);
    await eventually('another leader', async () => {
      const roles = await Promise.all(others.map(async (one) => (await statusOf(one))?.role));
      return roles.includes('leader') ? true : null;
    });
    cluster.restart(leader);
    await cluster.allReady();
    const ends = await Promise.all(cluster.members.map((one) => one.process.kill('SIGTERM')));
    assert.deepEqual(
      ends.map(({ code }) => code),
      [0, 0, 0],
    );
    for (const { process } of cluster.members) {
      assert.doesNotMatch(process.output, /nobody took over in time|was not handed over/);
    }
  } finally {
    await cluster.stop();
  }
});

test('what a membership cannot bear is refused with the reason', async () => {
  const cluster = await ServeCluster.start(MODEL, 1);
  try {
    const [only] = cluster.members;
    assert.ok(only);
    const refusals: [words: string[], reason: RegExp][] = [
      [['remove', '1'], /refused: member 1 is the last voter; without it nothing is left/],
      [['remove', '9'], /refused: there is no member 9/],
      [['promote', '9'], /refused: there is no member 9/],
      [['transfer', '9'], /refused: there is no member 9/],
      [['transfer'], /refused: no other voter could take over/],
    ];
    for (const [words, reason] of refusals) {
      const refused = await cluster.admin(only, 'member', ...words);
      assert.equal(refused.code, 1);
      assert.match(refused.output, reason);
    }
  } finally {
    await cluster.stop();
  }
});

function member(cluster: ServeCluster, name: string): TestMember {
  const found = cluster.members.find((one) => one.name === name);
  assert.ok(found, `there is no ${name}`);
  return found;
}

async function follower(cluster: ServeCluster): Promise<TestMember> {
  const leader = await cluster.leader();
  const found = cluster.members.find((one) => one !== leader);
  assert.ok(found);
  return found;
}

async function votersAre(
  cluster: ServeCluster,
  asked: TestMember,
  names: readonly string[],
): Promise<void> {
  const outputs = (): string => cluster.members.map(({ process }) => process.output).join('\n');
  await eventually(`voters ${names.join(', ')}\n${outputs().slice(-1500)}`, async () => {
    const voters = (await statusOf(asked))?.members.filter(({ role }) => role === 'voter') ?? [];
    return String(voters.map(({ name }) => name).sort()) === String(names) ? true : null;
  });
}

async function note(at: TestMember, text: string): Promise<void> {
  const response = await fetch(`${at.url}/api/notes`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ text, round: 0 }),
  });
  assert.equal(response.status, 201, await response.text());
}

/** The texts that a strong read on this member shows. */
async function notesOn(at: TestMember): Promise<string[]> {
  const response = await fetch(`${at.url}/api/notes`);
  const body: unknown = await response.json();
  assert.ok(typeof body === 'object' && body !== null && 'data' in body, JSON.stringify(body));
  assert.ok(Array.isArray(body.data));
  return body.data.map((row: { text: string }) => row.text).sort();
}
