import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import type { Call, ItemRecord, Result } from '../workload/history.ts';
import { Checker, goCommand, type Verdict } from './porcupine.ts';

const required = process.env['LITHAIR_REQUIRE_GO'] === '1';
const skip = goCommand() !== null || required ? false : 'there is no go command';

const PLAIN: Call = { kind: 'read', value: '', stamp: '', ifMatch: null, ifAbsent: false };
const READ = PLAIN;
const DELETE: Call = { ...PLAIN, kind: 'delete' };
const DELETED: Result = { kind: 'ok', version: null, row: null };
const ABSENT = DELETED;
const UNKNOWN: Result = { kind: 'unknown', code: 'timeout' };

function create(stamp: string): Call {
  return { ...PLAIN, kind: 'create', value: stamp, stamp };
}

function put(stamp: string, ifMatch: number | null = null): Call {
  return { ...PLAIN, kind: 'put', value: stamp, stamp, ifMatch };
}

function patch(stamp: string): Call {
  return { ...PLAIN, kind: 'patch', stamp };
}

function shows(version: number, value: string, stamp = value): Result {
  return { kind: 'ok', version, row: { value, stamp } };
}

function refused(code: string): Result {
  return { kind: 'refused', code };
}

/** An operation on k1 from one moment to another; null: its end was never seen. */
function op(invoked: number, completed: number | null, call: Call, result: Result): ItemRecord {
  return { kind: 'op', client: 0, node: 'n1', key: 'k1', call, result, invoked, completed };
}

describe('a history', { skip }, () => {
  const directory = mkdtempSync(join(tmpdir(), 'lithair-history-'));
  const checker = skip === false ? new Checker() : null;
  after(() => {
    checker?.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const picture = join(directory, 'history.html');

  function check(...operations: ItemRecord[]): Verdict['verdict'] {
    const path = join(directory, 'history.ndjson');
    writeFileSync(path, operations.map((operation) => `${JSON.stringify(operation)}\n`).join(''));
    rmSync(picture, { force: true });
    assert.ok(checker !== null);
    return checker.check(path, picture).verdict;
  }

  test('in order is linearizable: writes, conditions, refusals, a delete, and the id again', () => {
    const verdict = check(
      op(0, 1, READ, ABSENT),
      op(2, 3, create('a'), shows(1, 'a')),
      op(4, 5, create('b'), refused('already_exists')),
      op(6, 7, put('c', 1), shows(2, 'c')),
      op(8, 9, put('d', 1), refused('precondition_failed')),
      op(10, 11, patch('e'), shows(3, 'c', 'e')),
      op(12, 13, DELETE, DELETED),
      op(14, 15, patch('f'), refused('not_found')),
      op(16, 17, create('g'), shows(5, 'g')),
      op(18, 19, READ, shows(5, 'g')),
    );
    assert.equal(verdict, 'Ok');
    assert.equal(existsSync(picture), false);
  });

  test('with a stale read is not, and is drawn', () => {
    const verdict = check(
      op(0, 1, create('a'), shows(1, 'a')),
      op(2, 3, put('b'), shows(2, 'b')),
      op(4, 5, READ, shows(1, 'a')),
    );
    assert.equal(verdict, 'Illegal');
    assert.ok(existsSync(picture));
  });

  test('may show a write that goes on either way', () => {
    const begin = op(0, 1, create('a'), shows(1, 'a'));
    const write = op(2, 9, put('b'), shows(2, 'b'));
    assert.equal(check(begin, write, op(3, 4, READ, shows(1, 'a'))), 'Ok');
    assert.equal(check(begin, write, op(3, 4, READ, shows(2, 'b'))), 'Ok');
  });

  test('that loses an acknowledged write is not linearizable', () => {
    const verdict = check(
      op(0, 1, create('a'), shows(1, 'a')),
      op(2, 3, put('b'), shows(2, 'b')),
      op(4, 5, put('c'), shows(2, 'c')),
    );
    assert.equal(verdict, 'Illegal');
  });

  test('with a write of unknown outcome may show it at any later time, but once', () => {
    const begin = [op(0, 1, create('a'), shows(1, 'a')), op(2, null, put('b'), UNKNOWN)];
    assert.equal(check(...begin, op(5, 6, READ, shows(1, 'a'))), 'Ok');
    const late = [...begin, op(5, 6, READ, shows(1, 'a')), op(7, 8, READ, shows(2, 'b'))];
    assert.equal(check(...late), 'Ok');
    const twice = [op(9, 10, put('c'), shows(3, 'c')), op(11, 12, READ, shows(4, 'b'))];
    assert.equal(check(...late, ...twice), 'Illegal');
  });

  test('does not show what was refused, and refuses only with a reason', () => {
    const begin = op(0, 1, create('a'), shows(1, 'a'));
    const written = op(2, 3, put('b', 7), refused('precondition_failed'));
    assert.equal(check(begin, written, op(4, 5, READ, shows(2, 'b'))), 'Illegal');
    assert.equal(check(begin, op(2, 3, DELETE, refused('not_found'))), 'Illegal');
    assert.equal(check(begin, op(2, 3, put('b', 1), refused('precondition_failed'))), 'Illegal');
  });

  test('whose refusals without effect tell nothing is decided without them', () => {
    const begin = op(0, 1, create('a'), shows(1, 'a'));
    const none = op(2, 3, put('b'), { kind: 'none', code: 'unavailable' });
    assert.equal(check(begin, none, op(4, 5, READ, shows(1, 'a'))), 'Ok');
    assert.equal(check(begin, none, op(4, 5, READ, shows(2, 'b'))), 'Illegal');
  });
});
