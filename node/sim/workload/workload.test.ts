import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkHistory, type History, pictureOf } from '../checks/index.ts';
import { runOneNode } from './testing/one-node.ts';

test('a correct node keeps every promise to its clients', async () => {
  for (let seed = 1; seed <= 5; seed++) {
    const history = await runOneNode(seed, 5000);
    const violations = checkHistory(history);
    assert.equal(violations.length, 0, `seed ${seed}\n${pictureOf(history, violations)}`);
  }
});

test('all kinds of requests and results occur', async () => {
  const met = new Set<string>();
  for (let seed = 1; seed <= 5; seed++) {
    for (const { call, result, tries } of (await runOneNode(seed, 5000)).operations) {
      met.add(`${call.kind} ${result.kind}`);
      if (result.kind === 'failed') met.add(result.code);
      if (tries.some((one) => one.result.kind === 'ok' && one.result.replayed)) met.add('replayed');
    }
  }
  const kinds = ['create', 'bulk', 'put', 'delete', 'read', 'list'];
  const codes = ['not_found', 'already_exists', 'unique_conflict', 'missing_reference'];
  const others = [
    'still_referenced',
    'precondition_failed',
    'replayed',
    'put unknown',
    'put failed',
  ];
  for (const one of [...kinds.map((kind) => `${kind} ok`), ...codes, ...others]) {
    assert.ok(met.has(one), `no ${one}`);
  }
});

test('the same seed gives the same history', async () => {
  assert.deepEqual(outline(await runOneNode(3, 3000)), outline(await runOneNode(3, 3000)));
});

/** Without the ids of tickets, which come from the machine's randomness here. */
function outline({ operations }: History) {
  return operations.map(({ call, invoked, result }) => [call.kind, invoked, result.kind]);
}
