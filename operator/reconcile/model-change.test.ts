import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ModelAnswer, viewCluster } from '../admin/index.ts';
import { exampleReports, exampleSpec } from '../testing/examples.ts';
import { ModelChanges } from './model-change.ts';

/** A cluster that serves another model than the one that is submitted, and answers as it is told to. */
function advancing() {
  const cluster: { answer: ModelAnswer; asked: number } = {
    answer: { kind: 'unavailable', reason: 'nobody leads' },
    asked: 0,
  };
  const models = new ModelChanges();
  const change = {
    key: 'trade/shop',
    spec: exampleSpec(),
    view: viewCluster(exampleReports(3, 0)),
    admin: {
      putModel: () => {
        cluster.asked += 1;
        return Promise.resolve(cluster.answer);
      },
    },
    member: { name: 'shop-0', ip: '10.0.0.1' },
    onApplied: () => {},
  };
  return { cluster, advance: () => models.advance(change) };
}

test('a model that waits for keys of members is submitted again until they have them', async () => {
  const { cluster, advance } = advancing();
  cluster.answer = { kind: 'waiting', reason: 'member shop-1 was given no keys' };
  const waits = { kind: 'preparing', progress: 'member shop-1 was given no keys' };
  assert.deepEqual(await advance(), waits);
  assert.deepEqual(await advance(), waits);
  assert.equal(cluster.asked, 2);
  const change = { result: 'applied', schemaVersion: 2, changes: [] } as const;
  cluster.answer = { kind: 'accepted', change };
  assert.deepEqual(await advance(), { kind: 'applied', version: 2 });
});

test('a model that is refused is not submitted again', async () => {
  const { cluster, advance } = advancing();
  cluster.answer = { kind: 'refused', reasons: ['Note.secret is gone'] };
  const refused = { kind: 'refused', reasons: ['Note.secret is gone'] };
  assert.deepEqual([await advance(), await advance()], [refused, refused]);
  assert.equal(cluster.asked, 1);
});
