import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { apiKeyHash, apiKeyOf } from '../auth/index.ts';
import { type Answer, type SendOptions, type ServedApi, serveApi } from './testing/served-api.ts';

// What is told of writes that are refused, to callers who know less than the row has.

const ROLES = { ann: ['Clerk'], bob: ['Clerk'], boss: ['Boss'] } as const;
type Who = keyof typeof ROLES;

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

const BOTH = ['Clerk', 'Boss'];
const OF_BOSS = { read: ['Boss'], write: ['Boss'] };
const STATES = {
  type: 'enum',
  values: ['draft', 'live', 'gone'],
  states: {
    initial: 'draft',
    transitions: [
      { from: ['draft'], to: 'live' },
      { from: ['live'], to: 'gone' },
    ],
  },
};
const MODELS = [
  {
    name: 'Deal',
    fields: [
      { name: 'id', type: 'string', primaryKey: true },
      { name: 'by', type: 'string', defaultFrom: 'actor' },
      { name: 'note', type: 'string' },
      { name: 'city', type: 'string' },
      { name: 'grade', type: 'integer', default: 1, permissions: OF_BOSS },
      { name: 'price', type: 'integer' },
      { name: 'floor', type: 'integer', default: 5, permissions: OF_BOSS },
      { name: 'blind', type: 'integer', permissions: { read: ['Boss'] } },
      { name: 'phase', ...STATES, permissions: { read: ['Boss'] } },
      { name: 'mood', ...STATES, permissions: { read: ['Owner'] } },
      { name: 'code', type: 'string', unique: true, permissions: { read: ['Boss'] } },
    ],
    indexes: [
      { fields: ['city', 'grade'], unique: 'live' },
      { fields: ['note', 'floor'], unique: 'forever' },
    ],
    rules: [
      { expr: '!has(self.price) || self.price >= self.floor', message: 'price is below the floor' },
      { expr: '!has(self.price) || self.price < 100', message: 'price is below 100' },
      { expr: '!has(self.blind) || self.blind < 10', message: 'blind is below 10' },
    ],
    permissions: { create: BOTH, read: BOTH, update: BOTH, delete: BOTH, owner: 'by' },
  },
  {
    name: 'Secret',
    fields: [
      { name: 'id', type: 'string', primaryKey: true },
      { name: 'held', type: 'reference', to: 'Deal' },
      { name: 'lent', type: 'reference', to: 'Deal', onDelete: 'setNull' },
    ],
    rules: [{ expr: 'self.id != "kept" || has(self.lent)', message: 'the kept one is lent' }],
    permissions: { create: ['Boss'], read: ['Boss'], update: ['Boss'], delete: ['Boss'] },
  },
  {
    name: 'Watch',
    fields: [
      { name: 'id', type: 'string', primaryKey: true },
      { name: 'on', type: 'reference', to: 'Deal', permissions: { read: ['Boss'] } },
    ],
    permissions: { create: ['Boss'], read: BOTH, delete: BOTH },
  },
];

let api: ServedApi;
before(async () => {
  api = await serveApi(MODELS, {}, AUTH);
});
after(() => api.close());

function as(who: Who, method: string, path: string, options: SendOptions = {}): Promise<Answer> {
  const key = { authorization: `Bearer ${keyOf(who)}` };
  return api.send(method, path, { ...options, headers: { ...key, ...options.headers } });
}

async function newDeal(who: Who, body: object): Promise<void> {
  const made = await as(who, 'POST', '/api/deals', { body });
  assert.equal(made.status, 201, made.text);
}

/** What a refused write says: status, code, and each error as pointer and message. */
function told({ status, json }: Answer): readonly unknown[] {
  assert.ok(Array.isArray(json['errors']), JSON.stringify(json));
  return [status, json['code'], ...json['errors'].map((one) => `${one.pointer}: ${one.message}`)];
}

const json = { 'content-type': 'application/json-patch+json' };

/** The requests that set a field of a row. */
const ways = (value: string, field: string): [string, SendOptions][] => [
  ['PATCH', { body: { [field]: value } }],
  ['PUT', { body: { [field]: value } }],
  ['PATCH', { body: [{ op: 'add', path: `/${field}`, value }], headers: json }],
  ['PATCH', { body: [{ op: 'replace', path: `/${field}`, value }], headers: json }],
];

describe('a state that the caller may not read', () => {
  for (const field of ['phase', 'mood']) {
    test(`is not set, whatever it is (${field})`, async () => {
      const path = `/api/deals/states-${field}`;
      await newDeal('ann', { id: `states-${field}` });
      for (const value of ['draft', 'live', 'gone']) {
        for (const [method, options] of ways(value, field)) {
          const answer = await as('bob', method, path, options);
          assert.equal(answer.status, 403, `${value} by ${method}: ${answer.text}`);
          assert.equal(answer.json['code'], 'forbidden_field');
          assert.doesNotMatch(String(answer.json['detail']), /draft|live|gone/);
        }
      }
      const mover = field === 'phase' ? 'boss' : 'ann';
      const moved = await as(mover, 'PATCH', path, { body: { [field]: 'live' } });
      assert.equal(moved.status, 200, moved.text);
      assert.equal((await as(mover, 'PATCH', path, { body: { [field]: 'live' } })).status, 200);
      assert.equal((await as('bob', 'PUT', path, { body: { price: 9 } })).status, 200);
      assert.equal((await as(mover, 'GET', path)).json[field], 'live');
    });
  }
});

describe('a field that the caller knows nothing of', () => {
  test('is not named where values of several fields are taken', async () => {
    await newDeal('boss', { id: 'u1', city: 'Bonn' });
    const body = { id: 'u2', city: 'Bonn' };
    const theirs = await as('ann', 'POST', '/api/deals', { body });
    assert.deepEqual(told(theirs), [
      409,
      'unique_conflict',
      '/city: another Deal has these values',
    ]);
    assert.doesNotMatch(theirs.text, /grade/);
    const many = await as('ann', 'POST', '/api/deals/_bulk', { body: [{ id: 'u3' }, body] });
    assert.deepEqual(told(many).slice(2), ['/1/city: another Deal has these values']);
    assert.deepEqual(told(await as('boss', 'POST', '/api/deals', { body })).slice(2), [
      '/city: another Deal has this city and this grade',
      '/grade: another Deal has this city and this grade',
    ]);
  });

  test('is not named where values were taken once', async () => {
    await newDeal('boss', { id: 'f1', note: 'once' });
    assert.equal((await as('boss', 'DELETE', '/api/deals/f1')).status, 204);
    const body = { id: 'f2', note: 'once' };
    const theirs = await as('ann', 'POST', '/api/deals', { body });
    assert.deepEqual(told(theirs), [
      409,
      'unique_conflict',
      '/note: another Deal had these values',
    ]);
    assert.match((await as('boss', 'POST', '/api/deals', { body })).text, /this floor/);
  });

  test('is named where the caller sets it: they know that it is there', async () => {
    await newDeal('boss', { id: 'w1', code: 'x' });
    const answer = await as('ann', 'POST', '/api/deals', { body: { id: 'w2', code: 'x' } });
    assert.deepEqual(told(answer).slice(2), ['/code: another Deal has this code']);
  });

  test('is not named by a rule, which is told to who may read all that it speaks of', async () => {
    const low = await as('ann', 'POST', '/api/deals', { body: { id: 'r1', price: 4 } });
    const otherwise = 'a rule of the model does not hold';
    assert.deepEqual(told(low), [422, 'rule_broken', `/price: ${otherwise}`]);
    assert.doesNotMatch(low.text, /floor/);
    const high = await as('ann', 'POST', '/api/deals', { body: { id: 'r1', price: 100 } });
    assert.deepEqual(told(high).slice(2), ['/price: price is below 100']);
    const unread = await as('ann', 'POST', '/api/deals', { body: { id: 'r1', blind: 10 } });
    assert.deepEqual(told(unread).slice(2), [`/blind: ${otherwise}`]);
    const whole = await as('boss', 'POST', '/api/deals', { body: { id: 'r1', price: 4 } });
    assert.deepEqual(told(whole).slice(2), [
      '/price: price is below the floor',
      '/floor: price is below the floor',
    ]);
  });

  test('is not named of another model, whose rows a deletion meets', async () => {
    for (const id of ['d1', 'd2']) await newDeal('ann', { id });
    const secrets = [
      { id: 'holds', held: 'd1' },
      { id: 'kept', lent: 'd2' },
    ];
    for (const body of secrets) {
      assert.equal((await as('boss', 'POST', '/api/secrets', { body })).status, 201);
    }
    const held = await as('ann', 'DELETE', '/api/deals/d1');
    assert.deepEqual(told(held), [409, 'still_referenced', ': other rows refer to it']);
    const kept = await as('ann', 'DELETE', '/api/deals/d2');
    assert.deepEqual(told(kept), [422, 'rule_broken', ': a rule of the model does not hold']);
    for (const answer of [held, kept]) assert.doesNotMatch(answer.text, /Secret|held|lent/);
    assert.match(
      (await as('boss', 'DELETE', '/api/deals/d1')).text,
      /a Secret refers to it in held/,
    );
    assert.match((await as('boss', 'DELETE', '/api/deals/d2')).text, /the kept one is lent/);
  });

  test('is not named of a model whose rows the caller reads and does not write', async () => {
    await newDeal('ann', { id: 'd3' });
    const watch = { id: 'w', on: 'd3' };
    assert.equal((await as('boss', 'POST', '/api/watches', { body: watch })).status, 201);
    const held = await as('ann', 'DELETE', '/api/deals/d3');
    assert.deepEqual(told(held), [409, 'still_referenced', ': other rows refer to it']);
    const named = await as('boss', 'DELETE', '/api/deals/d3');
    assert.match(named.text, /a Watch refers to it in on/);
  });

  test('is one that was never there, where it is sent', async () => {
    for (const [method, path] of [
      ['POST', '/api/deals'],
      ['PATCH', '/api/deals/x1'],
      ['PUT', '/api/deals/x1'],
    ] as const) {
      const send = (name: string) => as('ann', method, path, { body: { [name]: 'x' } });
      await newDeal('ann', { id: `x1-${method}` });
      const [unknown, nothing] = [await send('floor'), await send('nothing')];
      const inWords = (answer: Answer) => told(answer).join('\n').replace('/nothing', '/floor');
      assert.equal(inWords(unknown), inWords(nothing));
    }
  });
});
