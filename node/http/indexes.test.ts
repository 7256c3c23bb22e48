import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type ServedApi, serveApi } from './testing/served-api.ts';

const STOCK = {
  name: 'Stock',
  fields: [
    { name: 'id', type: 'string', primaryKey: true },
    { name: 'warehouse', type: 'string' },
    { name: 'sku', type: 'string' },
    { name: 'units', type: 'integer' },
  ],
  indexes: [{ fields: ['warehouse', 'sku'], unique: 'live' }, { fields: ['warehouse', 'units'] }],
};

describe('a model with indexes over several fields', () => {
  let api: ServedApi;

  before(async () => {
    api = await serveApi([STOCK]);
    for (const [id, warehouse, sku, units] of [
      ['a', 'north', 'lamp', 5],
      ['b', 'north', 'desk', 2],
      ['c', 'south', 'lamp', 9],
    ] as const) {
      const { status } = await api.send('POST', '/api/stocks', {
        body: { id, warehouse, sku, units },
      });
      assert.equal(status, 201);
    }
  });

  after(() => api.close());

  it('answers 409 with a pointer to each of the fields that are unique together', async () => {
    const body = { id: 'd', warehouse: 'north', sku: 'lamp' };
    const { status, json } = await api.send('POST', '/api/stocks', { body });
    assert.equal(status, 409);
    assert.equal(json['code'], 'unique_conflict');
    assert.equal(json['detail'], 'another Stock has this warehouse and this sku');
    assert.deepEqual(
      json['errors'],
      ['/warehouse', '/sku'].map((pointer) => ({
        pointer,
        code: 'unique_conflict',
        message: 'another Stock has this warehouse and this sku',
      })),
    );
  });

  it('lists by them, page after page', async () => {
    const ids: unknown[] = [];
    let path = '/api/stocks?warehouse=north&sort=units&limit=1&fields=id';
    for (let pages = 0; pages < 3; pages++) {
      const { text } = await api.send('GET', path);
      const { data, page } = JSON.parse(text);
      ids.push(...data.map((row: { id: string }) => row.id));
      if (page.next === null) break;
      path = `/api/stocks?warehouse=north&sort=units&limit=1&fields=id&cursor=${page.next}`;
    }
    assert.deepEqual(ids, ['b', 'a']);
  });
});
