import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { FinalRecord, HistoryRecord, Result, TicketRecord } from '../workload/history.ts';
import { violations, voids } from './evidence.ts';

const OK: Result = { kind: 'ok', version: 1, row: null };
const UNKNOWN: Result = { kind: 'unknown', code: 'timeout' };
const NONE: Result = { kind: 'none', code: 'unavailable' };

function ticket(stamp: string, result: Result): TicketRecord {
  return { kind: 'ticket', client: 1, node: 'n1', stamp, result, invoked: 0, completed: 1 };
}

function final(node: string, tickets: string[], items: FinalRecord['items'] = {}): FinalRecord {
  return { kind: 'final', node, items, tickets, memos: {} };
}

function textsOf(records: readonly HistoryRecord[]): string[] {
  return violations(records).map(({ text }) => text);
}

function promisesOf(records: readonly HistoryRecord[]): string[] {
  return violations(records).map(({ promise }) => promise);
}

describe('promises besides linearizability', () => {
  test('hold where acknowledged tickets are there once, and lost ones at most once', () => {
    const tickets = [
      ticket('a', OK),
      ticket('b', UNKNOWN),
      ticket('c', UNKNOWN),
      ticket('d', NONE),
    ];
    assert.deepEqual(textsOf([...tickets, final('n1', ['a', 'b']), final('n2', ['a', 'b'])]), []);
  });

  test('are broken by a ticket that is lost, there twice, refused and there, or of nobody', () => {
    const tickets = [ticket('a', OK), ticket('b', UNKNOWN), ticket('d', NONE)];
    const found = textsOf([...tickets, final('n1', ['b', 'b', 'd', 'e'])]);
    assert.deepEqual(found, [
      'ticket a (ok) is there 0 times on n1',
      'ticket b (unknown) is there 2 times on n1',
      'ticket d (none) is there 1 times on n1',
      'nobody wrote ticket e',
    ]);
    const promises = promisesOf([...tickets, final('n1', ['b', 'b', 'd', 'e'])]);
    assert.deepEqual(promises, ['lost', 'repeated', 'invented', 'invented']);
  });

  test('are broken by members that differ in the end', () => {
    const row = { value: 'a', stamp: 'a' };
    const one = final('n1', [], { k1: { version: 1, row }, k2: null });
    const other = final('n2', [], { k1: null, k2: null });
    assert.equal(textsOf([one, one]).length, 0);
    assert.match(textsOf([one, other]).join(), /^k1 is .* on n1 and null on n2$/);
    assert.deepEqual(textsOf([]), ['no member was read in the end']);
  });

  test('are broken by a write that stands in two versions', () => {
    const row = { value: 'a', stamp: 'a' };
    const seen: HistoryRecord = {
      kind: 'op',
      client: 1,
      node: 'n1',
      key: 'k1',
      call: { kind: 'read', value: '', stamp: '', ifMatch: null, ifAbsent: false },
      result: { kind: 'ok', version: 1, row },
      invoked: 0,
      completed: 1,
    };
    const last = final('n1', [], { k1: { version: 3, row } });
    assert.deepEqual(textsOf([seen, last]), ['the write a is version 1 of k1 and version 3 of k1']);
    assert.deepEqual(promisesOf([seen, last]), ['repeated']);
  });
});

function tickets(count: number, result: Result): HistoryRecord[] {
  return Array.from({ length: count }, (_, i) => ticket(`${result.kind}${i}`, result));
}

function memos(count: number): HistoryRecord[] {
  const call = { kind: 'put', value: '', stamp: '', ifMatch: null, ifAbsent: false } as const;
  const memo: HistoryRecord = {
    kind: 'memo',
    client: 1,
    node: 'n1',
    disk: 0,
    key: 'm1',
    call,
    result: OK,
    invoked: 0,
    completed: 1,
  };
  return Array.from({ length: count }, () => memo);
}

describe('a run', () => {
  const run: HistoryRecord = { kind: 'run', nodes: 3, seconds: 2, seed: 1, broken: null };
  const fault: HistoryRecord = {
    kind: 'fault',
    name: 'kill',
    detail: 'n1',
    invoked: 0,
    completed: 1,
  };

  test('counts with enough successes, few unknown outcomes, and faults', () => {
    assert.deepEqual(
      voids([run, fault, ...memos(8), ...tickets(20, OK), ...tickets(1, UNKNOWN)]),
      [],
    );
  });

  test('is void with too few successes, too many unknown outcomes, or no fault', () => {
    assert.match(voids([run, fault, ...tickets(9, OK)]).join(), /only 9 operations succeeded/);
    const unknown = [run, fault, ...memos(8), ...tickets(90, OK), ...tickets(10, UNKNOWN)];
    assert.match(voids(unknown).join(), /the outcome of 10.0 % is unknown/);
    assert.deepEqual(voids([run, ...memos(8), ...tickets(20, OK)]), ['no fault was injected']);
    const silent = voids([run, fault, ...memos(7), ...tickets(20, OK)]);
    assert.deepEqual(silent, ['only 7 local writes succeeded, of at least 8']);
  });
});
