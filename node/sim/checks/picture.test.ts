import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkHistory } from './check-history.ts';
import { pictureOf } from './picture.ts';
import { history, holding } from './testing/histories.ts';
import { create, operation, put, read, row, shows } from './testing/operations.ts';

test('a picture shows what is wrong and the aggregate that it happened to', () => {
  const [a, b] = [row('k', 'a'), row('k', 'b')];
  const operations = [
    operation(1, 2, create(a), shows(1, a, 10)),
    operation(3, 4, put(b, 1), shows(2, b, 11), { client: 2, idempotencyKey: 'c2-1' }),
    operation(5, 6, read('k'), shows(1, a, 10), { client: 3, session: 3 }),
    operation(5, 7, create(row('other', 'o')), shows(1, row('other', 'o'), 12)),
  ];
  const atEnd = holding(1, [
    [2, b],
    [1, row('other', 'o')],
  ]);
  const past = history(operations, [atEnd]);
  const picture = pictureOf(past, checkHistory(past));
  assert.match(picture, /^index order: a strong read of Item has index 10, not 11 or later/);
  assert.match(picture, /Item\/k, operations 1 to 3 of 3:/);
  assert.match(
    picture,
    /3\.\.4 ms +c2 put Item k \{k b\} if v1 key c2-1 -> ok v2 @11 \{k b\} \(node 1\)/,
  );
  assert.match(picture, /> 5\.\.6 ms +c3 in session strong read Item k -> ok v1 @10 \{k a\}/);
  assert.match(picture, /at the end, node 1 holds v2 \{k b\}/);
});
