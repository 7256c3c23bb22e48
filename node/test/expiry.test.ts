import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { ServeCluster } from './serve-cluster.ts';
import { eventually } from './serve-process.ts';

const MODEL = join(import.meta.dirname, 'leases.yaml');
const SOON_MS = 1500;

async function jsonOf(url: string, method = 'GET', body?: object): Promise<unknown> {
  const headers = { 'content-type': 'application/json' };
  const sent = body === undefined ? {} : { body: JSON.stringify(body), headers };
  const answer = await fetch(url, { method, ...sent });
  const text = await answer.text();
  return { status: answer.status, ...(text !== '' && JSON.parse(text)) };
}

async function statusOf(url: string, method?: string, body?: object): Promise<unknown> {
  return Reflect.get(Object(await jsonOf(url, method, body)), 'status');
}

/** Names of the events of a row, newest first, as one member knows them without asking another. */
async function eventsOf(url: string): Promise<string[]> {
  const data: unknown = Reflect.get(Object(await jsonOf(`${url}?consistency=eventual`)), 'data');
  return Array.isArray(data) ? data.map(({ type }) => String(type)) : [];
}

test('members delete by themselves what has expired, and all of them the same', async () => {
  const cluster = await ServeCluster.start(MODEL, 3);
  try {
    const { url } = await cluster.leader();
    const until = new Date(Date.now() + SOON_MS).toISOString();
    assert.equal(await statusOf(`${url}/api/leases`, 'POST', { id: 'a', until }), 201);
    assert.equal(await statusOf(`${url}/api/leases`, 'POST', { id: 'b' }), 201);
    assert.equal(await statusOf(`${url}/api/notes`, 'POST', { id: 'n' }), 201);
    assert.equal(await statusOf(`${url}/api/notes/n`, 'DELETE'), 204);
    // Nobody writes any more.
    for (const member of cluster.members) {
      const told = await eventually(`${member.name} to delete it`, async () => {
        const events = await eventsOf(`${member.url}/api/leases/a/events`);
        return events.length === 2 ? events : null;
      });
      assert.deepEqual(told, ['LeaseExpired', 'LeaseCreated']);
      await eventually(`${member.name} to remove the note`, async () =>
        (await statusOf(`${member.url}/api/notes/_deleted/n`)) === 404 ? true : null,
      );
      assert.equal(await statusOf(`${member.url}/api/leases/b`), 200);
    }
  } finally {
    await cluster.stop();
  }
});
