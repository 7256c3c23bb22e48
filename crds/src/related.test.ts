import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compileSchema, relatedRows, validateSpec } from './index.ts';

const key = { name: 'id', type: 'uuid', primaryKey: true };
const to = (name: string, target: string, more: object = {}) => ({
  name,
  type: 'reference',
  to: target,
  ...more,
});

function validate(...models: object[]) {
  return validateSpec({ auth: { mode: 'open' }, models });
}

function routes(...models: object[]): string[] {
  const found = validate(...models);
  assert.ok(found.ok, JSON.stringify(found));
  return relatedRows(compileSchema(found.value)).map(
    ({ target, segment, model, field }) => `${target}/${segment}: ${model}.${field}`,
  );
}

const user = { name: 'User', fields: [key] };

describe('routes for the rows that refer to a row', () => {
  it('are called like the route of their model, where one field alone refers', () => {
    const order = { name: 'SalesOrder', fields: [key, to('buyer', 'User')] };
    assert.deepEqual(routes(user, order), ['User/sales-orders: SalesOrder.buyer']);
  });

  it('are called as the field says, and are not there where that is not clear', () => {
    const fields = [key, to('buyer', 'User'), to('seller', 'User', { inverse: 'sales' })];
    assert.deepEqual(routes(user, { name: 'Order', fields }), [
      'User/orders: Order.buyer',
      'User/sales: Order.seller',
    ]);
    const both = [key, to('buyer', 'User'), to('seller', 'User')];
    assert.deepEqual(routes(user, { name: 'Order', fields: both }), []);
    const event = { name: 'Event', fields: [key, to('of', 'User')] };
    assert.deepEqual(routes(user, event), []);
  });

  it('are refused where they are taken', () => {
    const refused = validate(user, {
      name: 'Order',
      fields: [
        key,
        to('a', 'User', { inverse: 'history' }),
        to('b', 'User', { inverse: 'orders' }),
        to('c', 'User', { inverse: 'orders' }),
        to('d', 'User', { inverse: '_x' }),
        { name: 'e', type: 'string', inverse: 'x' },
      ],
    });
    assert.ok(!refused.ok);
    assert.deepEqual(
      refused.problems
        .map(({ path, code }) => `${path}: ${code}`)
        .toSorted((a, b) => a.localeCompare(b)),
      [
        'models[1].fields[1].inverse: reserved_name',
        'models[1].fields[3].inverse: duplicate_name',
        'models[1].fields[4].inverse: invalid_name',
        'models[1].fields[5].inverse: does_not_apply',
      ],
    );
  });
});
