import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { ServeCluster, statusOf, type TestMember } from './serve-cluster.ts';
import { eventually } from './serve-process.ts';

const MODEL = join(import.meta.dirname, 'notes.yaml');
const FAR = ['--region', 'us-east'];

test('a region of learners takes over when the voters are lost, and refuses them when they return', async (t) => {
  const cluster = await ServeCluster.start(MODEL, 3, '--region', 'eu-west');
  try {
    const voters = [...cluster.members];
    const learners = [
      await cluster.join('n4', '--role', 'learner', ...FAR),
      await cluster.join('n5', '--role', 'learner', ...FAR),
    ];
    await cluster.ready(learners);
    const [voter] = voters;
    const [survivor, other] = learners;
    assert.ok(voter && survivor && other);
    const { token } = await note(voter, 'before');
    assert.ok(await lagOf(t, voter, survivor, 40));
    await lagIsTold(await cluster.leader(), other);
    await eventually('all learners to hold it', async () => {
      const lags = (await statusOf(await cluster.leader()))?.members.map(({ lag }) => lag) ?? [];
      return lags.every((lag) => lag === 0) ? true : null;
    });
    const clusterId = (await statusOf(survivor))?.clusterId;
    const confirm = ['--confirm', `${clusterId}/1`];
    const command = ['member', 'promote-region', 'us-east'];

    // A quorum that answers, another region, a missing or wrong confirmation: nothing happens.
    const early = await cluster.admin(survivor, ...command, ...confirm);
    assert.match(early.output, /refused: 3 of 3 voters answer: they can go on by themselves/);
    await Promise.all(voters.map((one) => one.process.kill('SIGKILL')));
    const wrongRegion = await cluster.admin(survivor, 'member', 'promote-region', 'ap-south');
    assert.match(wrongRegion.output, /refused: this member is in us-east: ask one in ap-south/);
    const asked = await cluster.admin(survivor, ...command);
    assert.equal(asked.code, 0, asked.output);
    assert.match(asked.output, /Member 4 holds entries up to \d+; its last log time is 20/);
    assert.match(asked.output, /Left behind: n1, n2, n3, n5\.\nNothing was changed\./);
    const wrong = await cluster.admin(survivor, ...command, '--confirm', `${clusterId}/7`);
    assert.match(wrong.output, /refused: the cluster and epoch that are given up are .*\/1, not/);
    assert.equal((await statusOf(survivor))?.epoch, 1);

    const promoted = await cluster.admin(survivor, ...command, ...confirm);
    assert.equal(promoted.code, 0, promoted.output);
    assert.match(promoted.output, /Epoch 2 of cluster .* serves/);
    const status = await statusOf(survivor);
    assert.deepEqual([status?.epoch, status?.clusterId, status?.role], [2, clusterId, 'leader']);
    assert.equal((await notesOn(survivor)).includes('before'), true);
    await note(survivor, 'after');
    // What clients carry from the old epoch is refused, not misread.
    const old = await fetch(`${survivor.url}/api/notes`, {
      headers: { 'lithair-consistency': 'sequential', 'lithair-min-index': token },
    });
    assert.equal(old.status, 400, await old.text());

    // Everybody else of the old epoch stops at the first word with the new one.
    for (const one of voters) cluster.restart(one);
    for (const one of [...voters, other]) {
      assert.equal((await one.process.ended).code, 3, one.process.output.slice(-500));
      assert.match(
        one.process.output,
        /ClusterIDMismatch: .*the disk is of epoch 1, and the cluster goes on in epoch 2 without it/,
      );
    }

    // They come back as fresh members: the learner with a vote, the voters of old by themselves.
    await Promise.all([...voters, other].map((one) => cluster.forget(one)));
    const fresh = [await cluster.join('n5', ...FAR)];
    fresh.push(await cluster.join('n1'), await cluster.join('n2'));
    await cluster.ready(fresh);
    await eventually('four voters', async () => {
      const members = (await statusOf(survivor))?.members ?? [];
      return members.filter(({ role }) => role === 'voter').length === 4 ? true : null;
    });
    for (const one of fresh) {
      const texts = await notesOn(one);
      assert.deepEqual([texts.includes('before'), texts.includes('after')], [true, true]);
    }
    assert.equal((await survivor.process.kill('SIGKILL')).signal, 'SIGKILL');
    const [first] = fresh;
    assert.ok(first);
    await eventually('the others to go on', async () => {
      return (await note(first, 'without it').catch(() => null)) === null ? null : true;
    });
  } finally {
    await cluster.stop();
  }
});

async function note(at: TestMember, text: string): Promise<{ readonly token: string }> {
  const response = await fetch(`${at.url}/api/notes`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ text, round: 0 }),
  });
  assert.equal(response.status, 201, await response.text());
  return { token: response.headers.get('lithair-index') ?? '' };
}

async function notesOn(at: TestMember, consistency = 'strong'): Promise<string[]> {
  const response = await fetch(`${at.url}/api/notes?limit=1000&consistency=${consistency}`);
  const body: unknown = await response.json();
  assert.ok(typeof body === 'object' && body !== null && 'data' in body, JSON.stringify(body));
  assert.ok(Array.isArray(body.data));
  return body.data.map((row: { text: string }) => row.text).sort();
}

/** How far a learner is behind, and what goes to its region, as metrics and status of the leader say. */
async function lagIsTold(leader: TestMember, learner: TestMember): Promise<void> {
  learner.process.signal('SIGSTOP');
  try {
    for (let at = 0; at < 5; at++) await note(leader, 'x'.repeat(400));
    await eventually('the lag to be told', async () => {
      const of = await gauges(leader);
      const [entries, bytes, seconds] = ['entries', 'bytes', 'seconds'].map((unit) =>
        of(`lithair_member_lag_${unit}{member="${learner.name}"}`),
      );
      const status = await statusOf(leader);
      const { lag, lagMs } = status?.members.find(({ name }) => name === learner.name) ?? {};
      const isTold = Number(entries) >= 5 && Number(bytes) > 2000 && Number(seconds) > 0.5;
      return isTold && Number(lag) >= 5 && Number(lagMs) > 500 ? true : null;
    });
  } finally {
    learner.process.signal('SIGCONT');
  }
  const of = await gauges(leader);
  const [plain, sent] = [
    of('lithair_peer_compressible_bytes'),
    of('lithair_peer_compressed_bytes'),
  ];
  assert.ok(sent > 0 && sent < plain, `${plain} bytes became ${sent} for the other region`);
}

/** What a member measures, by name and label. */
async function gauges({ opsUrl }: TestMember): Promise<(name: string) => number> {
  const text = await (await fetch(`${opsUrl}/metrics`)).text();
  const lines = text.split('\n').map((line) => line.split(' ') as [string, string]);
  const values = new Map(lines);
  return (name) => Number(values.get(name));
}

/** How long after its acknowledgement a write is seen by an eventual read on a learner. */
async function lagOf(
  t: { diagnostic(text: string): void },
  writer: TestMember,
  reader: TestMember,
  writes: number,
): Promise<boolean> {
  const lags: number[] = [];
  for (let at = 0; at < writes; at++) {
    const text = `lag ${at}`;
    await note(writer, text);
    const acknowledgedMs = performance.now();
    while (!(await notesOn(reader, 'eventual')).includes(text));
    lags.push(performance.now() - acknowledgedMs);
  }
  lags.sort((a, b) => a - b);
  const [median, most] = [lags[lags.length >> 1] ?? 0, lags.at(-1) ?? 0];
  t.diagnostic(`seen on a learner: median ${median.toFixed(1)} ms, most ${most.toFixed(1)} ms`);
  return lags.length === writes;
}
