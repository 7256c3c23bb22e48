import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Answer, type ServedApi, serveApi } from './testing/served-api.ts';

const MODELS = [
  {
    name: 'Offer',
    fields: [
      { name: 'id', type: 'string', primaryKey: true },
      { name: 'price', type: 'decimal', required: true, minimum: 0 },
      { name: 'reduced', type: 'decimal' },
      { name: 'from', type: 'datetime', required: true },
      { name: 'until', type: 'datetime' },
      { name: 'sku', type: 'string', unique: true },
      { name: 'secret', type: 'decimal', default: '0', hidden: true },
    ],
    rules: [
      {
        expr: '!has(self.reduced) || self.reduced < self.price',
        message: 'reduced is below price',
      },
      { expr: '!has(self.until) || self.until > self.from', message: 'it ends after it begins' },
      { expr: 'self.price >= old.price || has(self.reduced)', message: 'a price does not fall' },
      { expr: 'self.price > self.secret', message: 'never told' },
    ],
  },
];

let api: ServedApi;
before(async () => {
  api = await serveApi(MODELS);
});
after(() => api.close());

const GOOD = { price: '10', from: '2026-01-01T00:00:00Z' };

function refused(answer: Answer, pointers: string[], message: string): void {
  assert.equal(answer.status, 422, answer.text);
  const { code, detail, errors } = JSON.parse(answer.text);
  assert.equal(code, 'rule_broken');
  assert.equal(detail, message);
  assert.deepEqual(
    errors.map(({ pointer }: { pointer: string }) => pointer),
    pointers,
  );
}

test('a new row must meet the rules between its fields; those about changes say nothing of it', async () => {
  const body = { id: 'a', ...GOOD, reduced: '10' };
  refused(
    await api.send('POST', '/api/offers', { body }),
    ['/price', '/reduced'],
    'reduced is below price',
  );
  const good = await api.send('POST', '/api/offers', { body: { ...body, reduced: '9.99' } });
  assert.equal(good.status, 201);
});

test('a patch is judged by the row that it would leave', async () => {
  await api.send('POST', '/api/offers', { body: { id: 'b', ...GOOD } });
  const patch = (body: object) => api.send('PATCH', '/api/offers/b', { body });
  refused(
    await patch({ until: '2025-12-31T00:00:00Z' }),
    ['/from', '/until'],
    'it ends after it begins',
  );
  refused(await patch({ price: '9' }), ['/price', '/reduced'], 'a price does not fall');
  assert.equal((await patch({ price: '9', reduced: '8' })).status, 200);
  assert.equal((await patch({ until: '2026-12-31T00:00:00Z' })).status, 200);
});

test('a replacement is judged as a whole, and one without a change is not', async () => {
  await api.send('POST', '/api/offers', { body: { id: 'c', ...GOOD } });
  const put = (body: object) => api.send('PUT', '/api/offers/c', { body });
  refused(await put({ ...GOOD, price: '5' }), ['/price', '/reduced'], 'a price does not fall');
  assert.equal((await put(GOOD)).status, 200);
});

test('in a batch each error names its row, and nothing is created', async () => {
  const body = [
    { id: 'd', ...GOOD },
    { id: 'e', ...GOOD, until: GOOD.from },
  ];
  refused(
    await api.send('POST', '/api/offers/_bulk', { body }),
    ['/1/from', '/1/until'],
    'it ends after it begins',
  );
  assert.equal((await api.send('GET', '/api/offers/d')).status, 404);
});

test('a rule is judged before uniqueness', async () => {
  await api.send('POST', '/api/offers', { body: { id: 'f', sku: 'S', ...GOOD } });
  const body = { id: 'g', sku: 'S', ...GOOD, until: GOOD.from };
  assert.equal((await api.send('POST', '/api/offers', { body })).status, 422);
});

test('OpenAPI tells the rules, but for those about fields that the caller does not see', async () => {
  const { text: body } = await api.send('GET', '/openapi.json');
  const { schemas } = JSON.parse(body).components;
  for (const name of ['OfferCreate', 'OfferReplace', 'OfferPatch']) {
    const rules: { message: string }[] = schemas[name]['x-lithair-rules'];
    assert.deepEqual(
      rules.map(({ message }) => message),
      ['reduced is below price', 'it ends after it begins', 'a price does not fall'],
    );
    assert.match(schemas[name].description, /reduced is below price/);
  }
  assert.ok(!body.includes('never told'));
});
