import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { apiKeyHash, apiKeyOf } from '../auth/index.ts';
import { type Answer, type SendOptions, type ServedApi, serveApi } from './testing/served-api.ts';

const ROLES = { ann: [], bob: [], boss: ['Boss'] } as const;
type Who = keyof typeof ROLES | null;

const keyOf = (who: string) => apiKeyOf(Buffer.alloc(32, who));
const AUTH = {
  mode: 'tokens',
  apiKeys: {
    keys: Object.entries(ROLES).map(([name, roles]) => ({
      name,
      sha256: apiKeyHash(keyOf(name)),
      roles,
    })),
  },
};

const OWN = { read: ['Owner', 'Boss'], write: ['Owner', 'Boss'] };
const BANK = [
  { name: 'name', type: 'string' },
  { name: 'account', type: 'string', required: true },
];
const MODELS = [
  {
    name: 'City',
    fields: [{ name: 'id', type: 'string', primaryKey: true }],
    permissions: { create: ['Boss'], read: ['Public'] },
  },
  {
    name: 'Person',
    fields: [
      { name: 'id', type: 'string', primaryKey: true },
      { name: 'subject', type: 'string', index: 'hash', defaultFrom: 'actor' },
      { name: 'nick', type: 'string' },
      { name: 'wage', type: 'integer', index: 'ordered', permissions: OWN },
      { name: 'pin', type: 'string', unique: true, permissions: { read: ['Owner'] } },
      { name: 'mood', type: 'string', permissions: { write: ['Owner'] } },
      { name: 'home', type: 'reference', to: 'City', permissions: OWN },
      { name: 'isRich', type: 'boolean', computed: 'self.wage > 10' },
    ],
    indexes: [{ fields: ['nick', 'wage'] }],
    events: [{ type: 'PersonPaid', when: 'update', fields: ['wage'] }],
    permissions: {
      create: ['Authenticated'],
      read: ['Public'],
      update: ['Authenticated'],
      delete: ['Boss'],
      owner: 'subject',
    },
    lifecycle: { versioned: 10, audited: true, softDelete: true },
  },
  {
    name: 'Card',
    fields: [
      { name: 'id', type: 'string', primaryKey: true },
      { name: 'by', type: 'string', defaultFrom: 'actor' },
      { name: 'born', type: 'date', immutable: true, permissions: { read: ['Owner'] } },
      { name: 'grade', type: 'integer', immutable: true, permissions: { read: ['Boss'] } },
      { name: 'bank', type: 'object', fields: BANK, permissions: { read: ['Owner'] } },
      { name: 'file', type: 'object', fields: BANK, permissions: { read: ['Boss'] } },
    ],
    permissions: {
      create: ['Authenticated'],
      read: ['Public'],
      update: ['Authenticated'],
      owner: 'by',
    },
  },
  {
    name: 'Form',
    fields: [
      { name: 'id', type: 'string', primaryKey: true },
      { name: 'by', type: 'string', defaultFrom: 'actor' },
      { name: 'text', type: 'string', required: true, permissions: OWN },
      { name: 'key', type: 'string', required: true, immutable: true, permissions: OWN },
      { name: 'note', type: 'string' },
    ],
    permissions: {
      create: ['Authenticated'],
      read: ['Public'],
      update: ['Authenticated'],
      owner: 'by',
    },
  },
];

let api: ServedApi;
before(async () => {
  api = await serveApi(MODELS, {}, AUTH);
  for (const id of ['paris', 'rome'])
    assert.equal((await ask('boss', 'POST', '/api/cities', { body: { id } })).status, 201);
  await made('ann', { id: 'ann', nick: 'a', wage: 20, pin: '1111', mood: 'good', home: 'rome' });
  await made('bob', { id: 'bob', nick: 'b', wage: 5, pin: '2222', mood: 'bad', home: 'paris' });
});
after(() => api.close());

function ask(who: Who, method: string, path: string, options: SendOptions = {}): Promise<Answer> {
  const key = who === null ? {} : { authorization: `Bearer ${keyOf(who)}` };
  return api.send(method, path, { ...options, headers: { ...options.headers, ...key } });
}

async function made(who: Who, body: object): Promise<void> {
  const answer = await ask(who, 'POST', '/api/people', { body });
  assert.equal(answer.status, 201, answer.text);
}

async function rowsOf(who: Who, query: string): Promise<Record<string, unknown>[]> {
  const answer = await ask(who, 'GET', `/api/people${query}`);
  assert.equal(answer.status, 200, answer.text);
  return Reflect.get(answer.json, 'data') as Record<string, unknown>[];
}

const idsOf = async (who: Who, query: string) => (await rowsOf(who, query)).map(({ id }) => id);

function refused(answer: Answer, status: number, code: string): void {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.json['code'], code, answer.text);
}

describe('a field that its owner alone reads', () => {
  test('is there in own rows, and not in those of others', async () => {
    const own = await ask('ann', 'GET', '/api/people/ann');
    assert.deepEqual(own.json, {
      id: 'ann',
      subject: 'ann',
      nick: 'a',
      wage: 20,
      pin: '1111',
      mood: 'good',
      home: 'rome',
      isRich: true,
    });
    const other = await ask('ann', 'GET', '/api/people/bob');
    assert.deepEqual(other.json, { id: 'bob', subject: 'bob', nick: 'b', mood: 'bad' });
    const some = await ask('ann', 'GET', '/api/people/bob?fields=wage,nick');
    assert.deepEqual(some.json, { nick: 'b' });
  });

  test('is there for other roles that it names, in every row', async () => {
    const { json } = await ask('boss', 'GET', '/api/people/ann');
    assert.equal(json['wage'], 20);
    assert.equal(json['isRich'], true, 'who reads all that it is computed of');
    assert.ok(!('pin' in json), 'it is for the owner alone');
  });

  test('is one that the model does not have to somebody who proved no subject', async () => {
    const answer = await ask(null, 'GET', '/api/people/ann');
    assert.deepEqual(answer.json, { id: 'ann', subject: 'ann', nick: 'a', mood: 'good' });
    refused(await ask(null, 'GET', '/api/people?wage=20'), 400, 'invalid_query');
    assert.doesNotMatch((await ask(null, 'GET', '/openapi.json')).text, /wage|pin/);
  });

  test('has no value in rows of others, in lists, filters and sorts', async () => {
    assert.deepEqual(
      (await rowsOf('ann', '?sort=id&fields=id,wage')).map((row) => row),
      [{ id: 'ann', wage: 20 }, { id: 'bob' }],
    );
    assert.deepEqual(await idsOf('ann', '?wage=5'), []);
    assert.deepEqual(await idsOf('ann', '?wage=20'), ['ann']);
    assert.deepEqual(await idsOf('ann', '?wage[gt]=1'), ['ann']);
    assert.deepEqual(await idsOf('ann', '?pin=2222'), []);
    assert.deepEqual(await idsOf('ann', '?isRich=false'), []);
    assert.deepEqual(await idsOf('ann', '?or=wage=5,nick=b'), ['bob']);
    assert.deepEqual(await idsOf('ann', '?wage[null]=true'), ['bob']);
    assert.deepEqual(await idsOf('bob', '?sort=wage'), ['ann', 'bob'], 'no value comes first');
    assert.deepEqual(await idsOf('boss', '?sort=wage'), ['bob', 'ann']);
    assert.deepEqual(await idsOf('bob', '?nick=a&sort=wage'), ['ann']);
    assert.deepEqual(
      await idsOf('bob', '?nick=a&wage[gt]=1'),
      [],
      'by no index over several fields',
    );
  });

  test('has no value where rows are exported, expanded, or listed below another', async () => {
    const lines = await ask('bob', 'GET', '/api/people', {
      headers: { accept: 'application/x-ndjson' },
    });
    assert.ok(!lines.text.includes('1111') && lines.text.includes('2222'), lines.text);
    const expanded = await rowsOf('bob', '?expand=home&sort=id&fields=id');
    assert.deepEqual(expanded, [
      { id: 'ann', expand: { home: null } },
      { id: 'bob', expand: { home: { id: 'paris' } } },
    ]);
    const below = async (who: Who) => {
      const { json } = await ask(who, 'GET', '/api/cities/rome/people');
      return (Reflect.get(json, 'data') as { id: string }[]).map(({ id }) => id);
    };
    assert.deepEqual(await below('ann'), ['ann']);
    assert.deepEqual(await below('bob'), []);
  });

  test('is told by OpenAPI as one that may not be there', async () => {
    const text = (await ask('ann', 'GET', '/openapi.json')).text;
    const { components } = JSON.parse(text);
    const { properties, required } = components.schemas.PersonRead;
    assert.match(properties.wage.description, /rows that the caller owns/);
    assert.ok(!required.includes('wage') && required.includes('nick'));
    assert.ok(components.schemas.FormCreate.required.includes('text'));
    assert.ok(!(components.schemas.FormReplace.required ?? []).includes('text'));
  });
});

describe('the past of such a field', () => {
  test('is for who owns the row, and owned it then', async () => {
    await made('ann', { id: 'passed', wage: 1, nick: 'one' });
    const change = async (who: Who, body: object) => {
      const answer = await ask(who, 'PATCH', '/api/people/passed', { body });
      assert.equal(answer.status, 200, answer.text);
    };
    await change('ann', { wage: 2 });
    await change('boss', { subject: 'bob' });
    await change('bob', { wage: 3 });
    const past = async (who: Who, route: string) => {
      const { json } = await ask(who, 'GET', `/api/people/passed/${route}`);
      return Reflect.get(json, 'data') as Record<string, Record<string, unknown>>[];
    };
    const wages = async (who: Who) =>
      (await past(who, 'history')).map(({ data }) => data?.['wage'] ?? null);
    assert.deepEqual(await wages('boss'), [3, 2, 2, 1]);
    assert.deepEqual(await wages('bob'), [3, 2, null, null]);
    assert.deepEqual(await wages('ann'), [null, null, null, null], 'it is not theirs any more');
    const types = async (who: Who) => (await past(who, 'events')).map(({ type }) => type);
    const nameless = ['PersonUpdated', 'PersonUpdated', 'PersonCreated'];
    assert.deepEqual(await types('bob'), ['PersonPaid', ...nameless]);
    assert.deepEqual(await types('ann'), ['PersonUpdated', ...nameless]);
    const changes = (await past('bob', 'events')).map(({ changes: told }) => told?.['wage']);
    assert.deepEqual(changes, [{ old: 2, new: 3 }, undefined, undefined, undefined]);
    const then = await ask('bob', 'GET', '/api/people/passed?version=2');
    assert.equal(then.status, 200, then.text);
    assert.ok(!('wage' in then.json) && then.json['nick'] === 'one');
    assert.equal((await ask('bob', 'GET', '/api/people/passed?version=3')).json['wage'], 2);
  });

  test('is nobody’s of whom it is not known whether they own the row', async () => {
    await made('ann', { id: 'gone', wage: 1 });
    assert.equal((await ask('boss', 'DELETE', '/api/people/gone')).status, 204);
    const { text } = await ask('ann', 'GET', '/api/people/gone/history');
    assert.doesNotMatch(text, /wage/);
  });
});

function patch(who: Who, id: string, body: unknown, type = 'merge-patch'): Promise<Answer> {
  return ask(who, 'PATCH', `/api/people/${id}`, {
    body,
    headers: { 'content-type': `application/${type}+json` },
  });
}

/** As `patch`, of a card. */
function change(who: Who, id: string, body: unknown, type = 'merge-patch'): Promise<Answer> {
  const headers = { 'content-type': `application/${type}+json` };
  return ask(who, 'PATCH', `/api/cards/${id}`, { body, headers });
}

async function newCard(body: object): Promise<void> {
  const answer = await ask('ann', 'POST', '/api/cards', { body });
  assert.equal(answer.status, 201, answer.text);
}

describe('a write of a field for owners', () => {
  test('is theirs in rows that are there', async () => {
    assert.equal((await patch('ann', 'ann', { wage: 21, mood: 'better' })).status, 200);
    assert.equal((await patch('ann', 'ann', { wage: 20, mood: 'good' })).status, 200);
    refused(await patch('bob', 'ann', { wage: 22 }), 403, 'forbidden_field');
    refused(await patch('bob', 'ann', { mood: 'angry' }), 403, 'forbidden_field');
    assert.equal((await patch('bob', 'ann', { mood: 'good' })).status, 200, 'as they read it');
    assert.equal((await patch('boss', 'ann', { wage: 20 })).status, 200);
  });

  test('tells nothing of what is there', async () => {
    for (const wage of [20, 21]) {
      refused(await patch('bob', 'ann', { wage }), 403, 'forbidden_field');
      const row = { nick: 'a', wage };
      refused(await ask('bob', 'PUT', '/api/people/ann', { body: row }), 403, 'forbidden_field');
      const test = [{ op: 'test', path: '/wage', value: wage }];
      refused(await patch('bob', 'ann', test, 'json-patch'), 403, 'forbidden_field');
    }
    for (const isRich of [true, false]) {
      const row = { nick: 'a', isRich };
      refused(await ask('bob', 'PUT', '/api/people/ann', { body: row }), 403, 'forbidden_field');
    }
    const copy = [{ op: 'copy', from: '/pin', path: '/nick' }];
    refused(await patch('bob', 'ann', copy, 'json-patch'), 403, 'forbidden_field');
    const whole = [{ op: 'test', path: '', value: {} }];
    refused(await patch('bob', 'ann', whole, 'json-patch'), 403, 'forbidden_field');
    assert.equal(
      (await patch('bob', 'ann', [{ op: 'test', path: '/nick', value: 'a' }], 'json-patch')).status,
      200,
    );
  });

  test('tells nothing of what nobody can change', async () => {
    const born = '2001-02-03';
    await newCard({ id: 'c2', born, grade: 3 });
    for (const value of [born, '2001-02-04']) {
      const field = { born: value };
      refused(await change('bob', 'c2', field), 403, 'forbidden_field');
      refused(await ask('bob', 'PUT', '/api/cards/c2', { body: field }), 403, 'forbidden_field');
      const step = [{ op: 'replace', path: '/born', value }];
      refused(await change('bob', 'c2', step, 'json-patch'), 403, 'forbidden_field');
    }
    for (const grade of [3, 4]) {
      refused(await change('ann', 'c2', { grade }), 403, 'forbidden_field');
      const body = { grade };
      refused(await ask('ann', 'PUT', '/api/cards/c2', { body }), 403, 'forbidden_field');
      const step = [{ op: 'add', path: '/grade', value: grade }];
      refused(await change('ann', 'c2', step, 'json-patch'), 403, 'forbidden_field');
    }
    assert.equal((await change('ann', 'c2', { born })).status, 200, 'the owner sees it');
    assert.equal((await change('boss', 'c2', { grade: 3 })).status, 200);
  });

  test('merges nothing into an object that only others see, and may set it', async () => {
    const bank = { account: '77' };
    await newCard({ id: 'c3', bank, file: bank });
    await newCard({ id: 'c4' });
    for (const id of ['c3', 'c4']) {
      refused(await change('bob', id, { bank: {} }), 403, 'forbidden_field');
      refused(await change('bob', id, { file: {} }), 400, 'invalid');
      for (const path of ['/bank', '/file']) {
        const step = [{ op: 'add', path, value: { account: '1' } }];
        assert.equal((await change('bob', id, step, 'json-patch')).status, 200);
      }
    }
    assert.equal((await change('ann', 'c3', { bank: { name: 'x' } })).status, 200);
    assert.deepEqual((await ask('ann', 'GET', '/api/cards/c3')).json['bank'], {
      name: 'x',
      account: '1',
    });
  });

  test('is no part of an answer to somebody else', async () => {
    const answer = await patch('bob', 'ann', { nick: 'a' });
    assert.doesNotMatch(answer.text, /wage|pin|home|isRich/);
  });

  test('keeps what others leave out, and asks the owner for what is required', async () => {
    const path = '/api/forms/f1';
    const body = { id: 'f1', text: 'x', key: 'k' };
    const made = await ask('ann', 'POST', '/api/forms', { body });
    assert.equal(made.status, 201, made.text);
    const put = await ask('bob', 'PUT', path, { body: { note: 'seen' } });
    assert.equal(put.status, 200, put.text);
    assert.deepEqual((await ask('ann', 'GET', path)).json, {
      id: 'f1',
      by: 'ann',
      text: 'x',
      key: 'k',
      note: 'seen',
    });
    const kept = await ask('ann', 'PUT', path, { body: { text: 'x', note: 'y' } });
    assert.equal(kept.status, 200, kept.text);
    const bare = await ask('ann', 'PUT', path, { body: { note: 'y' } });
    refused(bare, 400, 'invalid');
    assert.match(bare.text, /\/text/);
    const without = { id: 'f2', text: 'x' };
    refused(await ask('ann', 'POST', '/api/forms', { body: without }), 400, 'invalid');
  });

  test('is theirs in rows that they create, and not in those that they create for others', async () => {
    const body = { id: 'other', subject: 'bob', mood: 'low' };
    refused(await ask('ann', 'POST', '/api/people', { body }), 403, 'forbidden_field');
    refused(
      await ask('ann', 'POST', '/api/people/_bulk', { body: [body] }),
      403,
      'forbidden_field',
    );
    const put = { body: { subject: 'bob', mood: 'low' }, headers: { 'if-none-match': '*' } };
    refused(await ask('ann', 'PUT', '/api/people/other', put), 403, 'forbidden_field');
    const lines = await ask('ann', 'POST', '/api/people/_bulk', {
      body: `${JSON.stringify(body)}\n`,
      headers: { 'content-type': 'application/x-ndjson', accept: 'application/x-ndjson' },
    });
    assert.match(lines.text, /forbidden_field/);
    await made('ann', { id: 'mine', subject: 'ann', mood: 'high' });
  });
});
