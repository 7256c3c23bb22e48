import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import type { Schema } from '@lithair/crds';
import type { Command, IdempotencyKey, Outcome } from '../ports/index.ts';
import type { ReplicatedState } from '../state/index.ts';
import { BRAND, envelope, NOW_MS, PRODUCT, SHOP, shopState } from '../state/testing/shop.ts';
import { type Execution, LeaderSession } from './index.ts';

/** Brands may be answered before a majority has them, products may not. */
const WEAK: Schema = { ...SHOP, models: [{ ...BRAND, durability: 'leader' }, PRODUCT] };
const KEY: IdempotencyKey = { scope: 's', fingerprint: 'f' };

const create: Command = { kind: 'create', model: 'Brand', body: { code: 'a', title: 'A' } };
const replace = (title: string, ifMatch: readonly number[] | null = null): Command => {
  const body = { code: 'a', title };
  return { kind: 'replace', model: 'Brand', id: 'a', body, onlyIfAbsent: false, ifMatch };
};
const remove: Command = { kind: 'delete', model: 'Brand', id: 'a', ifMatch: null };

let state: ReplicatedState;
let session: LeaderSession;
let log: Uint8Array[];

beforeEach(() => {
  state = shopState({}, WEAK);
  session = new LeaderSession(state, 1);
  log = [];
});

function execute(command: Command, key: IdempotencyKey | null = null): Execution {
  return session.execute(envelope(command, key), NOW_MS, (size) => new Uint8Array(size).fill(7));
}

/** Proposes a write and gives it its place. */
function place(command: Command, key: IdempotencyKey | null = null) {
  const execution = execute(command, key);
  assert.ok(execution.kind === 'propose');
  log.push(execution.data);
  session.proposed(execution.ticket, state.appliedIndex + log.length);
  return execution;
}

function foreseen(command: Command, key: IdempotencyKey | null = null) {
  const { ticket, durability } = place(command, key);
  assert.equal(durability, 'leader');
  return applied(session.foresee(ticket));
}

/** Applies the oldest entry that is not applied. */
function applyNext(): Outcome {
  const result = state.apply(state.appliedIndex + 1, 1, log.shift() ?? new Uint8Array(0));
  session.applied(state.appliedIndex);
  return result.kind === 'write' ? result.outcome : assert.fail(result.kind);
}

function applied(outcome: Outcome) {
  return outcome.kind === 'applied' ? outcome : assert.fail(outcome.message);
}

/** The code of a refusal that needs no entry. */
function refusal(execution: Execution): string {
  assert.ok(execution.kind === 'outcome' && execution.outcome.kind === 'rejected');
  return execution.outcome.code;
}

test('an early answer is exactly what apply will make of the write', () => {
  const told = [
    foreseen(create),
    foreseen(replace('B')),
    foreseen(replace('B'), KEY),
    foreseen(remove),
  ];
  assert.deepEqual(
    told.map(({ effect }) => effect),
    ['created', 'updated', 'unchanged', 'deleted'],
  );
  for (const { durability, ...outcome } of told) {
    assert.equal(durability, 'leader');
    assert.deepEqual(applied(applyNext()), outcome);
  }
});

test('a repeated request gets the answer that the first one had, before and after apply', () => {
  const { ticket } = place(create, KEY);
  assert.equal(refusal(execute(create, KEY)), 'idempotency_in_progress', 'nobody was answered yet');
  const { durability, ...first } = applied(session.foresee(ticket));
  const again = execute(create, KEY);
  assert.ok(again.kind === 'outcome');
  assert.deepEqual(applied(again.outcome), { ...first, durability, replayed: true });
  assert.equal(refusal(execute(create, { ...KEY, fingerprint: 'g' })), 'idempotency_key_reuse');
  applyNext();
  const later = execute(create, KEY);
  assert.ok(later.kind === 'outcome');
  assert.deepEqual(applied(later.outcome), { ...first, replayed: true });
});

test('conditions are checked against what was answered, and a refusal is confirmed', () => {
  const version = foreseen(create).aggregates[0]?.version ?? 0;
  const refused = execute(replace('B', [version + 1]));
  assert.ok(refused.kind === 'outcome' && refused.confirm);
  assert.equal(refusal(refused), 'precondition_failed');
  assert.equal(foreseen(replace('B', [version])).aggregates[0]?.version, version + 1);
});

test('models that demand a majority are not spoken for', () => {
  const body = { name: 'x', price: '1' };
  const { ticket, durability } = place({ kind: 'create', model: 'Product', body });
  assert.equal(durability, 'quorum');
  assert.throws(() => session.foresee(ticket), { code: 'unforeseen' });
});
