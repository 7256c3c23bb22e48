import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { apiKeyHash, apiKeyOf } from '../auth/index.ts';
import { encodeEntry, type LocalWrite } from '../entry/index.ts';
import { type ServedApi, serveApi } from './testing/served-api.ts';

// What is told of versions around writes of an eventual model that lost to later ones.

const SUBJECTS = ['ann', 'bob'] as const;
const keyOf = (who: string) => apiKeyOf(Buffer.alloc(32, who));
const keys = SUBJECTS.map((name) => ({ name, sha256: apiKeyHash(keyOf(name)), roles: ['Staff'] }));
const AUTH = { mode: 'tokens', apiKeys: { keys } };
const MODELS = [
  {
    name: 'Memo',
    fields: [
      { name: 'id', type: 'string', primaryKey: true },
      { name: 'by', type: 'string' },
      { name: 'wage', type: 'integer', permissions: { read: ['Owner'] } },
    ],
    permissions: { create: ['Staff'], read: ['Staff'], update: ['Staff'], owner: 'by' },
    persistence: { consistency: 'eventual' },
    lifecycle: { audited: true },
  },
];
const NOW_MS = Date.UTC(2026, 0, 1);

let api: ServedApi;
before(async () => {
  api = await serveApi(MODELS, {}, AUTH);
});
after(() => api.close());

/** A write that one node took by itself; of a lost one, the row stays what it was. */
function written(id: string, by: string, wage: number, isLost = false): LocalWrite {
  const json = JSON.stringify({ id, by, wage });
  // The keys are not those of the model: it is refused as one of another schema is.
  const keys = isLost ? ['odd'] : [];
  return {
    stamp: { wallMs: NOW_MS, counter: 0 },
    actor: { subject: by, method: 'apiKey' },
    idempotency: null,
    changes: [{ effect: 'put', model: 'Memo', id, json, keys }],
  };
}

let sequence = 1;

function order(...writes: readonly LocalWrite[]): void {
  const { current: state } = api.engine;
  const data = encodeEntry({
    kind: 'localWrites',
    memberId: 1,
    timestampMs: NOW_MS,
    schemaVersion: state.schemaVersion,
    origin: 1,
    firstSequence: sequence,
    writes,
  });
  sequence += writes.length;
  const result = state.apply(state.appliedIndex + 1, 1, data);
  assert.equal(result.kind === 'localWrites' && result.outcome.kind, 'ordered');
}

interface Told {
  readonly version: number;
  readonly overridden?: boolean;
  readonly changes: { readonly wage?: unknown };
}

async function eventsFor(who: string, id: string, limit = 50): Promise<readonly Told[]> {
  const headers = { authorization: `Bearer ${keyOf(who)}` };
  const answer = await api.send('GET', `/api/memos/${id}/events?limit=${limit}`, { headers });
  assert.equal(answer.status, 200, answer.text);
  return JSON.parse(answer.text).data;
}

test('what a change replaced is told by whose the row was, not by a write that lost in between', async () => {
  const lost = Array.from({ length: 5 }, (_, at) => written('m1', 'ann', 7 + at, true));
  order(written('m1', 'bob', 1000), ...lost, written('m1', 'ann', 8));
  for (const limit of [1, 2, 4, 50]) {
    const told = await eventsFor('ann', 'm1', limit);
    assert.deepEqual(told[0]?.version, 7);
    assert.deepEqual(told[0].changes.wage, undefined, 'of the row that was that of bob');
    assert.doesNotMatch(JSON.stringify(told), /1000/);
  }
  order(written('m1', 'ann', 9));
  const [newest] = await eventsFor('ann', 'm1');
  assert.deepEqual(newest?.changes.wage, { old: 8, new: 9 });
});

test('a write of somebody else that lost hides nothing of what owners replaced', async () => {
  order(written('m2', 'ann', 1), written('m2', 'bob', 5, true), written('m2', 'ann', 2));
  for (const limit of [1, 50]) {
    const [newest] = await eventsFor('ann', 'm2', limit);
    assert.deepEqual(newest?.changes.wage, { old: 1, new: 2 });
  }
  const [, lost] = await eventsFor('ann', 'm2');
  assert.deepEqual([lost?.overridden, lost?.changes.wage], [true, undefined]);
});

test('more writes than are read at once may have lost', async () => {
  const lost = Array.from({ length: 230 }, (_, at) => written('m3', 'ann', at, true));
  order(written('m3', 'bob', 1000), ...lost, written('m3', 'ann', 8));
  const [newest] = await eventsFor('ann', 'm3', 1);
  assert.equal(newest?.changes.wage, undefined);
  order(written('m4', 'ann', 3), ...lost.map(() => written('m4', 'bob', 4, true)));
  order(written('m4', 'ann', 5));
  const [own] = await eventsFor('ann', 'm4', 1);
  assert.deepEqual(own?.changes.wage, { old: 3, new: 5 });
});
