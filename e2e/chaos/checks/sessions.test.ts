import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Call, HistoryRecord, Result } from '../workload/history.ts';
import { sessionViolations } from './sessions.ts';

const READ: Call = { kind: 'read', value: '', stamp: '', ifMatch: null, ifAbsent: false };
const ABSENT: Result = { kind: 'ok', version: null, row: null };
const UNKNOWN: Result = { kind: 'unknown', code: 'timeout' };

function shows(version: number): Result {
  return { kind: 'ok', version, row: { value: `v${version}`, stamp: `v${version}` } };
}

function write(at: number, client: number, version: number): HistoryRecord {
  const call: Call = { ...READ, kind: 'put', value: `v${version}`, stamp: `v${version}` };
  return { ...base(at, client), kind: 'op', call, result: shows(version) };
}

function remove(at: number, client: number, result: Result = ABSENT): HistoryRecord {
  const span = { ...base(at, client), completed: result.kind === 'unknown' ? null : at + 1 };
  return { ...span, kind: 'op', call: { ...READ, kind: 'delete' }, result };
}

function session(at: number, client: number, result: Result): HistoryRecord {
  return { ...base(at, client), kind: 'session', result };
}

function base(at: number, client: number) {
  return { client, node: 'n1', key: 'k1', invoked: at, completed: at + 1 };
}

describe('a session', () => {
  test('may see what it saw, or newer, and others may see older', () => {
    const records = [
      write(0, 1, 1),
      write(2, 1, 2),
      session(4, 1, shows(2)),
      session(6, 2, shows(1)),
      session(8, 2, shows(2)),
      session(10, 1, shows(5)),
    ];
    assert.deepEqual(sessionViolations(records), []);
  });

  test('does not go back behind its writes or its reads', () => {
    assert.deepEqual(sessionViolations([write(0, 1, 2), session(2, 1, shows(1))]), [
      'client 1 met version 2 of k1, and then version 1 on n1',
    ]);
    const strong: HistoryRecord = { ...base(0, 1), kind: 'op', call: READ, result: shows(3) };
    assert.equal(sessionViolations([strong, session(2, 1, shows(2))]).length, 1);
    const reads = [session(0, 1, shows(3)), session(2, 1, shows(2))];
    assert.equal(sessionViolations(reads).length, 1);
  });

  test('sees a row gone only where a delete can have come behind what it saw', () => {
    const seen = [write(10, 2, 4), session(12, 1, shows(4))];
    assert.equal(sessionViolations([...seen, session(20, 1, ABSENT)]).length, 1);
    const early = remove(5, 3);
    assert.equal(sessionViolations([early, ...seen, session(20, 1, ABSENT)]).length, 1);
    const late = remove(22, 3);
    assert.equal(sessionViolations([...seen, session(20, 1, ABSENT), late]).length, 1);
    const between = remove(14, 3);
    assert.deepEqual(sessionViolations([...seen, between, session(20, 1, ABSENT)]), []);
    const open = remove(5, 3, UNKNOWN);
    assert.deepEqual(sessionViolations([open, ...seen, session(20, 1, ABSENT)]), []);
  });

  test('does not see again what was gone', () => {
    const gone = [write(0, 1, 1), remove(2, 1)];
    assert.equal(sessionViolations([...gone, session(4, 1, shows(1))]).length, 1);
    assert.equal(sessionViolations([...gone, session(4, 1, shows(2))]).length, 1);
    assert.deepEqual(sessionViolations([...gone, session(4, 1, shows(3))]), []);
    const absent = [...gone, session(4, 1, ABSENT), session(6, 1, ABSENT)];
    assert.deepEqual(sessionViolations([...absent, session(8, 1, shows(3))]), []);
  });

  test('that met nothing yet may meet anything, and writes of unknown outcome tell nothing', () => {
    const unknown: HistoryRecord = {
      ...base(2, 1),
      kind: 'op',
      call: { ...READ, kind: 'put', value: 'v9', stamp: 'v9' },
      result: UNKNOWN,
    };
    const records = [session(0, 1, ABSENT), unknown, session(4, 1, shows(1))];
    assert.deepEqual(sessionViolations(records), []);
  });
});
