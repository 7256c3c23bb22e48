import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseQuery } from './query-string.ts';

test('a query that was read before is not read again, unless it goes on behind a page', () => {
  const query = 'price[gte]=10&sort=-price';
  assert.deepEqual(parseQuery(query), [
    { name: 'price[gte]', value: '10', parts: ['10'] },
    { name: 'sort', value: '-price', parts: ['-price'] },
  ]);
  assert.equal(parseQuery(query), parseQuery(query));
  assert.notEqual(parseQuery(`${query}&cursor=a`), parseQuery(`${query}&cursor=a`));
});

test('of all queries that were ever asked a bounded number is kept', () => {
  const first = parseQuery('name=first');
  const long = `name=${'x'.repeat(2000)}`;
  assert.notEqual(parseQuery(long), parseQuery(long));
  for (let at = 0; at < 1000; at++) parseQuery(`name=${at}`);
  assert.notEqual(parseQuery('name=first'), first);
  assert.deepEqual(parseQuery('name=first'), first);
});

test('a query that is refused is refused each time', () => {
  for (let times = 0; times < 2; times++) {
    assert.throws(() => parseQuery('name=%zz'), { code: 'bad_percent_encoding' });
  }
});
