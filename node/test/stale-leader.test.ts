import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { test } from 'node:test';
import { ServeCluster, statusOf, type TestMember } from './serve-cluster.ts';
import { eventually } from './serve-process.ts';

const MODEL = join(import.meta.dirname, 'notes.yaml');

test('a leader that was cut off never answers a strong read with what it still holds', async (t) => {
  const cluster = await ServeCluster.start(MODEL, 3);
  const id = randomUUID();
  try {
    const old = await cluster.leader();
    const others = cluster.members.filter((member) => member !== old);
    assert.equal(await put(old, id, 'first'), 201);

    // The old leader sleeps while the others elect one of theirs and move on.
    old.process.signal('SIGSTOP');
    await newLeader(others);
    assert.equal(await eventually('a write', () => putOrNull(others, id, 'second')), 200);

    // It wakes up believing that it leads, and reaches nobody: the others sleep now.
    for (const member of others) member.process.signal('SIGSTOP');
    old.process.signal('SIGCONT');
    const seen = await readFor(old, id, 3000);
    t.diagnostic(`${seen.strong.length} strong reads: ${[...new Set(seen.strong)].join(', ')}`);
    assert.deepEqual([...new Set(seen.eventual)], ['first'], 'it does hold the old value');
    assert.ok(seen.strong.length > 0);
    assert.ok(
      seen.strong.every((answer) => answer === 503),
      `a strong read was answered: ${seen.strong.join(', ')}`,
    );

    for (const member of others) member.process.signal('SIGCONT');
    const healed = await eventually('the old leader to follow', async () => {
      const answer = await read(old, id, 'strong');
      return typeof answer === 'string' ? answer : null;
    });
    assert.equal(healed, 'second');
  } finally {
    for (const member of cluster.members) member.process.signal('SIGCONT');
    await cluster.stop();
  }
});

async function put(member: TestMember, id: string, text: string): Promise<number> {
  const response = await fetch(`${member.url}/api/notes/${id}`, {
    method: 'PUT',
    headers: text === 'first' ? { ...JSON_BODY, 'if-none-match': '*' } : JSON_BODY,
    body: JSON.stringify({ text, round: 0 }),
    signal: AbortSignal.timeout(10_000),
  });
  await response.arrayBuffer();
  return response.status;
}

const JSON_BODY = { 'content-type': 'application/json' };

async function putOrNull(members: readonly TestMember[], id: string, text: string) {
  for (const member of members) {
    const status = await put(member, id, text);
    if (status < 300) return status;
  }
  return null;
}

async function newLeader(members: readonly TestMember[]): Promise<void> {
  await eventually('another leader', async () => {
    for (const member of members) {
      if ((await statusOf(member))?.role === 'leader') return true;
    }
    return null;
  });
}

interface Seen {
  readonly strong: (string | number)[];
  readonly eventual: (string | number)[];
}

/** Reads without pause for a while, both ways. */
async function readFor(member: TestMember, id: string, ms: number): Promise<Seen> {
  const seen: Seen = { strong: [], eventual: [] };
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs) {
    const [strong, eventual] = await Promise.all([
      read(member, id, 'strong'),
      read(member, id, 'eventual'),
    ]);
    seen.strong.push(strong);
    seen.eventual.push(eventual);
  }
  return seen;
}

/** The note's text, or the status where there is none. */
async function read(member: TestMember, id: string, consistency: string): Promise<string | number> {
  const response = await fetch(`${member.url}/api/notes/${id}`, {
    headers: { 'lithair-consistency': consistency },
    signal: AbortSignal.timeout(20_000),
  });
  const body: unknown = await response.json();
  if (!response.ok) return response.status;
  return typeof body === 'object' && body !== null && 'text' in body ? String(body.text) : '';
}
