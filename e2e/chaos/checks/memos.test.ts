import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { FinalRecord, HistoryRecord, Memo, MemoRecord, Result } from '../workload/history.ts';
import { memoViolations } from './memos.ts';

const OK: Result = { kind: 'ok', version: null, row: null };
const SECOND = 1e9;

function write(stamp: string, from: number, more: Partial<MemoRecord> = {}): MemoRecord {
  const call = { kind: 'put', value: stamp, stamp, ifMatch: null, ifAbsent: false } as const;
  const span = { invoked: from * SECOND, completed: (from + 1) * SECOND };
  return {
    kind: 'memo',
    client: 1,
    node: 'n1',
    disk: 0,
    key: 'm1',
    call,
    result: OK,
    ...span,
    ...more,
  };
}

function deletion(stamp: string, from: number): MemoRecord {
  const { call } = write(stamp, from);
  return write(stamp, from, { call: { ...call, kind: 'delete' } });
}

function read(shown: string | null, from: number, more: Partial<MemoRecord> = {}): MemoRecord {
  const row = shown === null ? null : { value: shown, stamp: shown };
  const { call } = write('', from);
  const result: Result = { kind: 'ok', version: null, row };
  return write('', from, { call: { ...call, kind: 'read' }, result, ...more });
}

/** A row and its versions; a stamp with an exclamation mark was overridden, an empty one a deletion. */
function memo(stamp: string | null, ...stamps: string[]): Memo {
  const versions = stamps.map((text, at) => ({
    version: at + 1,
    overridden: text.endsWith('!'),
    stamp: text.replace('!', '') || null,
  }));
  return { stamp, versions };
}

function final(held: Memo, node = 'n1'): FinalRecord {
  return { kind: 'final', node, items: {}, tickets: [], memos: { m1: held } };
}

function textsOf(records: readonly HistoryRecord[]): string[] {
  return memoViolations(records).map(({ text }) => text);
}

function promisesOf(records: readonly HistoryRecord[]): string[] {
  return memoViolations(records).map(({ promise }) => promise);
}

describe('rows that every node takes', () => {
  test('hold what was acknowledged, won or overridden, and the later write', () => {
    const writes = [write('a', 0), write('b', 5, { node: 'n2' }), deletion('d', 7)];
    assert.deepEqual(textsOf([...writes, final(memo('b', 'b', 'a!', '!'))]), []);
    const gone = [...writes, final(memo(null, 'a', 'b', ''))];
    assert.deepEqual(textsOf(gone), []);
  });

  test('are the same on all members', () => {
    const found = textsOf([
      write('a', 0),
      write('b', 0),
      final(memo('b', 'a', 'b')),
      final(memo('b', 'b', 'a!'), 'n2'),
      final(memo('a', 'b', 'a'), 'n3'),
    ]);
    assert.equal(found.length, 2);
    assert.match(found.join(), /m1 is b after 2 versions on n1 and a after 2 versions on n3/);
  });

  test('lose nothing that was acknowledged, but with the disk that alone had it', () => {
    const writes = [write('a', 0), write('b', 5, { node: 'n2', disk: 1 })];
    const held = final(memo('a', 'a'));
    const gone = ['the write b of memo m1, acknowledged by n2, is gone'];
    assert.deepEqual(textsOf([...writes, held]), gone);
    assert.deepEqual(promisesOf([...writes, held]), ['lost local write']);
    const disk = { kind: 'disk', node: 'n2', disk: 1, waiting: 0 } as const;
    assert.deepEqual(textsOf([...writes, disk, held]), gone);
    assert.deepEqual(textsOf([...writes, { ...disk, waiting: 1 }, held]), []);
    assert.deepEqual(textsOf([...writes, { ...disk, waiting: null }, held]), []);
    assert.deepEqual(textsOf([...writes, { ...disk, disk: 0, waiting: 1 }, held]), gone);
    const deleted = [write('a', 0), deletion('d', 5), held];
    assert.match(textsOf(deleted).join(), /^1 deletions .* were acknowledged, 0 are there$/);
  });

  test('hold nothing twice, nothing that was refused, and no gap', () => {
    const refused = write('b', 0, { result: { kind: 'none', code: 'unavailable' } });
    const found = textsOf([write('a', 0), refused, final(memo('b', 'a', 'a', 'b'))]);
    assert.deepEqual(found, [
      'the write a of memo m1 is there twice, again as 2',
      'nobody wrote version 3 of memo m1, b',
    ]);
    const [first, , third] = memo('a', 'a', '!', 'a').versions;
    assert.ok(first !== undefined && third !== undefined);
    const gap = final({ stamp: 'a', versions: [first, { ...third, stamp: 'b' }] });
    assert.match(textsOf([write('a', 0), gap]).join(), /^version 2 of memo m1 is not in/);
  });

  test('show the write that is the later one', () => {
    const writes = [write('old', 0), write('new', 5, { node: 'n2' })];
    const won = ['memo m1: old won over new, which was written after it'];
    assert.deepEqual(textsOf([...writes, final(memo('old', 'new', 'old'))]), won);
    assert.deepEqual(textsOf([...writes, final(memo('old', 'old', 'new!'))]), won);
    assert.deepEqual(promisesOf([...writes, final(memo('old', 'new', 'old'))]), ['local order']);
    assert.deepEqual(textsOf([...writes, final(memo('new', 'new', 'old!'))]), []);
    const atOnce = [write('a', 0), write('b', 0.5, { node: 'n2' })];
    for (const held of [memo('a', 'b', 'a'), memo('b', 'a', 'b'), memo('a', 'a', 'b!')]) {
      assert.deepEqual(textsOf([...atOnce, final(held)]), []);
    }
    const other = textsOf([...atOnce, final(memo('a', 'a', 'b'))]);
    assert.deepEqual(other, ['memo m1 is a, and its last winner b']);
    assert.deepEqual(promisesOf([...atOnce, final(memo('a', 'a', 'b'))]), ['local']);
  });

  test('of unknown outcome may win or be missing', () => {
    const open = write('b', 0, { result: { kind: 'unknown', code: 'timeout' }, completed: null });
    for (const held of [memo('a', 'a'), memo('b', 'a', 'b'), memo('a', 'b', 'a')]) {
      assert.deepEqual(textsOf([open, write('a', 5), final(held)]), []);
    }
  });

  test('show on a node what it took, or something later', () => {
    const writes = [write('old', 0), write('own', 5), write('other', 8, { node: 'n2' })];
    const isSound = (...reads: MemoRecord[]): boolean =>
      textsOf([...writes, ...reads]).length === 0;
    assert.ok(isSound(read('own', 10), read('other', 10), read('old', 5)));
    assert.ok(isSound(read('old', 10, { node: 'n2', disk: 1 })));
    assert.ok(!isSound(read('old', 10)));
    assert.ok(!isSound(read(null, 10)));
    assert.ok(!isSound(read('of nobody', 10)));
    assert.deepEqual(textsOf([...writes, deletion('d', 6), read(null, 10)]), []);
    const shown = textsOf([...writes, read('old', 10)]);
    assert.deepEqual(shown, ['n1 shows old as memo m1, and took own before']);
  });
});
