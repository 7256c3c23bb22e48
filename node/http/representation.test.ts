import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Answer, type ServedApi, serveApi } from './testing/served-api.ts';

const NUMBER = { representation: 'number' };
const MODELS = [
  {
    name: 'Price',
    fields: [
      { name: 'id', type: 'string', primaryKey: true },
      { name: 'amount', type: 'decimal', required: true, index: 'ordered', ...NUMBER },
      { name: 'plain', type: 'decimal' },
      { name: 'units', type: 'integer', ...NUMBER },
      { name: 'steps', type: 'array', items: { type: 'decimal', ...NUMBER } },
      { name: 'box', type: 'object', fields: [{ name: 'width', type: 'decimal', ...NUMBER }] },
      { name: 'twice', type: 'decimal', computed: 'self.amount + self.amount', ...NUMBER },
      { name: 'of', type: 'reference', to: 'Price' },
    ],
    lifecycle: { audited: true, versioned: 5 },
  },
];
const AMOUNT = '12345678901234567890.120';
const COUNT = '9007199254740993123';

let api: ServedApi;
before(async () => {
  api = await serveApi(MODELS);
  const body = `{"id":"a","amount":${AMOUNT},"plain":"1.50","units":${COUNT},"steps":[0.10,2],"box":{"width":"7.0"},"of":"a"}`;
  await api.send('POST', '/api/prices', { body: '{"id":"z","amount":"1"}' });
  const made = await api.send('POST', '/api/prices', {
    body: body.replace(',"of":"a"', ',"of":"z"'),
  });
  assert.equal(made.status, 201, made.text);
  ANSWERS.made = made;
});
after(() => api.close());
const ANSWERS: { made?: Answer } = {};

const MEMBERS = [
  `"amount":${AMOUNT}`,
  '"plain":"1.50"',
  `"units":${COUNT}`,
  '"steps":[0.10,2]',
  '"box":{"width":7.0}',
  '"twice":24691357802469135780.240',
];

function holds({ text }: Answer, members: readonly string[] = MEMBERS): void {
  for (const member of members) assert.ok(text.includes(member), `${member} in ${text}`);
}

async function get(path: string, accept = 'application/json'): Promise<Answer> {
  const answer = await api.send('GET', `/api/prices${path}`, { headers: { accept } });
  assert.equal(answer.status, 200, answer.text);
  return answer;
}

async function tested(value: string): Promise<number> {
  const { status } = await api.send('PATCH', '/api/prices/a', {
    body: `[{"op":"test","path":"/amount","value":${value}}]`,
    headers: { 'content-type': 'application/json-patch+json' },
  });
  return status;
}

describe('digits that the model has represented as numbers', () => {
  test('are numbers wherever a row is answered, with all of their digits', async () => {
    if (ANSWERS.made !== undefined) holds(ANSWERS.made);
    holds(await get('/a'));
    holds(await get('?sort=-amount'));
    holds(await get('', 'application/x-ndjson'));
    holds(await get('/a?fields=amount,units'), [`{"amount":${AMOUNT},"units":${COUNT}}`]);
    holds(await get('/a?expand=of'), [...MEMBERS, '"expand":{"of":{"id":"z","amount":1,']);
    holds(await get('?id=a&expand=of'), [...MEMBERS, '"expand":{"of":{"id":"z","amount":1,']);
  });

  test('are strings where the model says nothing', async () => {
    holds(await get('/a'), ['"plain":"1.50"']);
  });

  test('are numbers in the past, too', async () => {
    const patch = await api.send('PATCH', '/api/prices/a', { body: '{"plain":"2","units":7}' });
    assert.equal(patch.status, 200, patch.text);
    holds(patch, ['"units":7', '"plain":"2"']);
    holds(await get('/a?version=1'));
    holds(await get('/a/history'));
    holds(await get('/a/events'), [
      `"units":{"old":${COUNT},"new":7}`,
      '"plain":{"old":"1.50","new":"2"}',
    ]);
    await api.send('PATCH', '/api/prices/a', { body: `{"plain":"1.50","units":${COUNT}}` });
  });

  test('can be sent back as they were read: nothing changes', async () => {
    const read = await get('/a');
    const put = await api.send('PUT', '/api/prices/a', { body: read.text });
    assert.equal(put.status, 200, put.text);
    assert.equal(put.headers.get('etag'), read.headers.get('etag'));
  });

  test('are compared by a JSON Patch as numbers, digit by digit', async () => {
    assert.equal(await tested(AMOUNT), 200);
    assert.equal(await tested('12345678901234567890.12'), 200);
    assert.equal(
      await tested('12345678901234567890.13'),
      409,
      'a double would not tell them apart',
    );
    assert.equal(await tested(`"${AMOUNT}"`), 409, 'it is a number');
    assert.equal(await tested('1'), 409);
  });

  test('are filtered and sorted by value as ever', async () => {
    holds(await get('?amount=12345678901234567890.12&limit=1'), ['"id":"a"']);
    assert.doesNotMatch((await get('?amount[lt]=2')).text, /"id":"a"/);
  });

  test('are described by OpenAPI as numbers', async () => {
    const { components } = JSON.parse((await api.send('GET', '/openapi.json')).text);
    const { properties } = components.schemas.PriceRead;
    assert.equal(properties.amount.type, 'number');
    assert.equal(properties.units.anyOf[0].type, 'integer');
    assert.equal(properties.plain.anyOf[0].type, 'string');
    assert.equal(properties.steps.anyOf[0].items.type, 'number');
    const { amount } = components.schemas.PriceCreate.properties;
    assert.deepEqual(
      amount.anyOf.map(({ type }: { type: string }) => type),
      ['string', 'number'],
    );
  });
});
