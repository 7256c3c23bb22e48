import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { APPLY_VERSION } from '../entry/index.ts';
import { ServeCluster, statusOf, type TestMember } from './serve-cluster.ts';
import { eventually } from './serve-process.ts';

const MODEL = join(import.meta.dirname, 'notes.yaml');
const BEFORE = APPLY_VERSION - 1;
const HOLD = ['--apply-version', String(BEFORE)];

test('members of this and the last apply version serve side by side, and the cluster switches when all can', async (t) => {
  const cluster = await ServeCluster.start(MODEL, 3, ...HOLD);
  const writer = new Writer(cluster.members);
  try {
    const writing = writer.run();
    // One after the other is updated, the leader last; until then nothing new may get into the log.
    const leader = await cluster.leader();
    const order = [...cluster.members.filter((one) => one !== leader), leader];
    for (const [at, member] of order.entries()) {
      const versions = await versionsInForce(cluster);
      assert.deepEqual(new Set(versions), new Set([BEFORE]), `before update ${at + 1}`);
      const done = writer.count;
      assert.equal((await member.process.kill('SIGTERM')).code, 0);
      member.words = [...member.words.slice(0, -HOLD.length), '--region', 'eu-west'];
      cluster.restart(member);
      await cluster.ready([member]);
      await eventually('writes to go on', async () => (writer.count > done + 20 ? true : null));
    }
    await eventually('the next apply version to be in force everywhere', async () => {
      const versions = await versionsInForce(cluster);
      return versions.every((version) => version === APPLY_VERSION) ? true : null;
    });
    // What the new version brings comes into force by itself.
    await eventually('all members to have their region', async () => {
      const status = await statusOf(order[0]);
      return status?.members.every(({ region }) => region === 'eu-west') ? true : null;
    });
    writer.stop();
    await writing;
    t.diagnostic(`${writer.count} writes while three members were updated`);
    assert.deepEqual(writer.refused, []);
    assert.equal(await writer.missing(), 0);

    // Going back is over: the disk and the peers refuse a binary that is too old.
    const [back] = order;
    assert.ok(back);
    assert.equal((await back.process.kill('SIGTERM')).code, 0);
    back.words = [...back.words, ...HOLD];
    cluster.restart(back);
    assert.equal((await back.process.ended).code, 3);
    assert.match(
      back.process.output,
      new RegExp(`apply version ${APPLY_VERSION}, th(is|e) member takes part (up to|in)`),
    );
    // So does the cluster refuse a new member that is too old.
    const late = await cluster.join('n4', ...HOLD);
    await eventually('it to be refused', async () => {
      const response = await fetch(`${late.url}/readyz`);
      return (await response.text()).includes(`the cluster is at apply version ${APPLY_VERSION}`)
        ? true
        : null;
    });
  } finally {
    writer.stop();
    await cluster.stop();
  }
});

async function versionsInForce(cluster: ServeCluster): Promise<(number | undefined)[]> {
  return Promise.all(cluster.members.map(async (one) => (await statusOf(one))?.applyVersion));
}

/** Writes notes one after the other to whoever answers, each with a key so that it may ask again. */
class Writer {
  readonly #members: readonly TestMember[];
  readonly #texts: string[] = [];
  readonly refused: number[] = [];
  #stopping = false;

  constructor(members: readonly TestMember[]) {
    this.#members = members;
  }

  get count(): number {
    return this.#texts.length;
  }

  async run(): Promise<void> {
    for (let next = 0; !this.#stopping; next++) {
      const text = `note ${next}`;
      await eventually(`a member to take ${text}`, async () => await this.#write(text, next));
      this.#texts.push(text);
    }
  }

  stop(): void {
    this.#stopping = true;
  }

  /** Acknowledged notes that a strong read does not show. */
  async missing(): Promise<number> {
    const found = new Set<string>();
    const [member] = this.#members;
    for (let cursor: string | null = ''; cursor !== null; ) {
      const after: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const response = await fetch(`${member?.url}/api/notes?limit=1000${after}`);
      const page = (await response.json()) as {
        data: { text: string }[];
        page: { next: string | null };
      };
      for (const { text } of page.data) found.add(text);
      cursor = page.page.next;
    }
    return this.#texts.filter((text) => !found.has(text)).length;
  }

  async #write(text: string, key: number): Promise<true | null> {
    const member = this.#members[Math.floor(Math.random() * this.#members.length)];
    const response = await fetch(`${member?.url}/api/notes`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': `write-${key}` },
      body: JSON.stringify({ text, round: key }),
      signal: AbortSignal.timeout(10_000),
    });
    await response.arrayBuffer();
    if (response.status === 201) return true;
    if (response.status < 500) this.refused.push(response.status);
    return null;
  }
}
