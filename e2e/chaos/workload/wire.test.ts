import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Reply } from './http.ts';
import { resultOf } from './wire.ts';

function answer(status: number, body: unknown, headers: Record<string, string> = {}): Reply {
  return { kind: 'answer', status, header: (name) => headers[name] ?? null, body };
}

function problem(status: number, code: string): Reply {
  return answer(status, { status, code, title: '' });
}

function kindOf(reply: Reply): string {
  const result = resultOf(false, reply);
  return result === 'unexpected' ? result : result.kind;
}

const LOST: Reply = { kind: 'lost', reason: 'ECONNRESET' };

describe('an answer to a write', () => {
  test('shows version and row', () => {
    const row = { value: 'a', stamp: 'b' };
    const reply = answer(200, { id: 'k1', ...row }, { 'lithair-version': '7' });
    assert.deepEqual(resultOf(false, reply), { kind: 'ok', version: 7, row });
    assert.deepEqual(resultOf(false, answer(204, null)), { kind: 'ok', version: null, row: null });
  });

  test('promises that nothing happened, or leaves it open, or says why not', () => {
    for (const code of ['unavailable', 'overloaded', 'out_of_space', 'version_conflict']) {
      assert.equal(kindOf(problem(503, code)), 'none', code);
    }
    for (const code of ['outcome_unknown', 'idempotency_in_progress']) {
      assert.equal(kindOf(problem(504, code)), 'unknown', code);
    }
    for (const code of ['not_found', 'already_exists', 'precondition_failed']) {
      assert.equal(kindOf(problem(409, code)), 'refused', code);
    }
    for (const code of ['internal', 'invalid', 'idempotency_key_reuse']) {
      assert.equal(kindOf(problem(500, code)), 'unexpected', code);
    }
  });

  test('that is missing leaves it open, unless nobody took the request', () => {
    assert.equal(kindOf(LOST), 'unknown');
    const unsent: Reply = { kind: 'unsent', reason: 'ECONNREFUSED' };
    assert.equal(kindOf(unsent), 'none');
  });
});

describe('an answer to a read', () => {
  test('may say that there is nothing', () => {
    const absent = { kind: 'ok', version: null, row: null };
    assert.deepEqual(resultOf(true, problem(404, 'not_found')), absent);
  });

  test('that is missing says nothing', () => {
    assert.deepEqual(resultOf(true, LOST), { kind: 'none', code: 'ECONNRESET' });
  });
});
