import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { schemaOf } from '../http/testing/single-node.ts';
import { explainedQuery } from './explained-query.ts';

const id = { name: 'id', type: 'string', primaryKey: true };
const schema = schemaOf([
  { name: 'Brand', fields: [id] },
  {
    name: 'Product',
    fields: [
      id,
      { name: 'sku', type: 'string', unique: true },
      { name: 'brand', type: 'reference', to: 'Brand' },
      { name: 'status', type: 'string', index: 'hash' },
      { name: 'price', type: 'decimal', index: 'ordered' },
      { name: 'stock', type: 'integer' },
      { name: 'note', type: 'string', index: 'bloom' },
    ],
    indexes: [{ fields: ['brand', 'stock'] }],
  },
]);

const WHOLE = '  rows come in the order of the list: a page stops when it is full';
const SORTED = '  rows are sorted for each page: all of them are looked at';

function explained(query: string): readonly string[] {
  return explainedQuery(schema, `/api/products${query}`).slice(1);
}

describe('an explained list', () => {
  it('names the filter that is asked first', () => {
    assert.deepEqual(explained('?note=x'), [
      '  by nothing, where the bloom filter of note knows no such value; else',
      '  by no index: every row is looked at',
      WHOLE,
      '  row by row: note[eq]',
    ]);
    assert.doesNotMatch(explained('?note[ne]=x').join(), /bloom/);
  });

  it('names the index that answers it, and what is left to look at', () => {
    assert.deepEqual(explained(''), ['  by no index: every row is looked at', WHOLE]);
    assert.deepEqual(explained('?sku=A&stock[gt]=1'), [
      '  by the index sku: one value of sku',
      WHOLE,
      '  row by row: stock[gt]',
    ]);
    assert.deepEqual(explained('?id=a&or=price=1,price=2'), [
      '  by the id: one row at most',
      '  there is nothing to sort',
      '  row by row: or',
    ]);
    assert.deepEqual(explained('?price[gte]=1&sort=price,stock'), [
      '  by the index price: a range of price',
      '  rows come by price, and are sorted within that',
    ]);
    assert.deepEqual(explained('?price[gte]=1&sort=stock'), [
      '  by the index price: a range of price',
      SORTED,
    ]);
  });

  it('tells where another index takes over', () => {
    assert.deepEqual(explained('?status=live&sort=-price'), [
      '  by the index status: one value of status',
      '  or, where those are more than 1000 rows, by the index price: all of its rows',
      SORTED,
    ]);
  });

  it('speaks of indexes over several fields, and of rows below others', () => {
    assert.deepEqual(
      explainedQuery(schema, 'http://h:1/api/brands/b1/products?stock[lt]=5&sort=stock'),
      [
        'Product: GET /api/brands/b1/products',
        '  by the index (brand, stock): one value of brand, a range of stock',
        WHOLE,
      ],
    );
  });

  it('says what is wrong with the question', () => {
    assert.throws(
      () => explainedQuery(schema, '/api/x'),
      /there are \/api\/brands, \/api\/products/,
    );
    assert.throws(() => explained('?nope=1'), /nope: there is no such field/);
    assert.throws(() => explained('?sku=%'), /two hexadecimal digits/);
    assert.throws(() => explainedQuery(schema, '/api/brands/%/products'), /"%" is no id/);
  });

  it('is refused as the API refuses it: by a hidden field, and where no list is read', () => {
    const more = schemaOf([
      { name: 'A', fields: [id, { name: 'secret', type: 'string', hidden: true, index: 'hash' }] },
      { name: 'B', fields: [id], http: { methods: ['POST'] } },
    ]);
    assert.throws(() => explainedQuery(more, '/api/as?secret=x'), /secret: there is no such field/);
    assert.deepEqual(explainedQuery(more, '/api/as?id=x')[1], '  by the id: one row at most');
    assert.throws(() => explainedQuery(more, '/api/bs'), /B takes no GET/);
  });
});
