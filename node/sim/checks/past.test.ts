import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkPast, type PastRules, type ToldPast, type ToldVersion } from './past.ts';
import { operation, put, row, shows } from './testing/operations.ts';
import type { Operation } from './types.ts';

const NOW = 100_000;
const FULL: PastRules = {
  model: 'Item',
  depths: { stamp: Infinity, amount: 2 },
  retentionMs: Infinity,
};
const EXPIRING: PastRules = { model: 'Item', depths: { stamp: Infinity }, retentionMs: 5_000 };

function version(of: number, stamp: string, more: object = {}, ageMs = 0): ToldVersion {
  return { version: of, atMs: NOW - ageMs, data: { id: 'k', stamp, ...more } };
}

function past(node: number, ...versions: ToldVersion[]): ToldPast {
  return { node, model: 'Item', id: 'k', versions, fromMs: NOW, toMs: NOW };
}

function wrote(of: number, stamp: string, more: object, index: number): Operation {
  const body = row('k', stamp, { ...more });
  return operation(index, index + 1, put(body), shows(of, body, index));
}

const TWO = [wrote(1, 'a', { amount: 1 }, 10), wrote(2, 'b', { amount: 2 }, 20)];
const THREE = [...TWO, wrote(3, 'c', { amount: 3 }, 30)];

function problems(
  rules: PastRules,
  pasts: readonly ToldPast[],
  operations: readonly Operation[],
  ageMs = 0,
): string {
  const run = { rules: [rules], pasts, operations, timeAt: () => NOW - ageMs };
  return checkPast(run)
    .map(({ message }) => message)
    .join('; ');
}

describe('what nodes tell of the past', () => {
  it('is whole where every version tells what the model keeps of it', () => {
    const told = past(1, version(3, 'c', { amount: 3 }), version(2, 'b', { amount: 2 }));
    const all = { ...told, versions: [...told.versions, version(1, 'a')] };
    assert.equal(problems(FULL, [all, { ...all, node: 2 }], THREE), '');
  });

  it('is broken where nodes differ', () => {
    const [one, other] = [past(1, version(1, 'a')), past(2, version(1, 'x'))];
    assert.match(problems(FULL, [one, other], []), /nodes 1 and 2 tell it differently/);
  });

  it('is broken where a version is missing, in the middle or as the newest', () => {
    const hole = past(1, version(3, 'c', { amount: 3 }), version(1, 'a'));
    assert.match(problems(FULL, [hole], []), /version at or before 3 is missing/);
    assert.match(problems(FULL, [hole], THREE), /version 2 is gone/);
    const early = past(1, version(1, 'a', { amount: 1 }));
    assert.match(problems(FULL, [early], TWO), /version 2 is not told of/);
  });

  it('is broken where a value that is kept is absent or another one', () => {
    const absent = past(1, version(2, 'b', { amount: 2 }), version(1, 'a'));
    assert.match(problems(FULL, [absent], TWO), /version 1 of 2 tells amount as undefined, not 1/);
    const other = past(1, version(2, 'b', { amount: 2 }), version(1, 'z', { amount: 1 }));
    assert.match(problems(FULL, [other], TWO), /version 1 of 2 tells stamp as "z", not "a"/);
  });

  it('is broken where a value is told that is not kept any more', () => {
    const told = past(1, version(3, 'c'), version(2, 'b'), version(1, 'a', { amount: 1 }));
    assert.match(problems(FULL, [told], []), /version 1 of 3 still tells amount/);
  });

  it('loses what expired, and nothing before', () => {
    const [old, young] = [version(1, 'a', {}, 6_000), version(1, 'a', {}, 4_000)];
    const newest = version(2, 'b', {}, 9_000);
    const plain = [wrote(1, 'a', {}, 10), wrote(2, 'b', {}, 20)];
    assert.equal(problems(EXPIRING, [past(1, newest)], plain, 6_000), '');
    assert.match(problems(EXPIRING, [past(1, newest)], plain, 4_000), /version 1 is gone, 4000 ms/);
    assert.match(problems(EXPIRING, [past(1, newest, old)], []), /version 1 is told, and is exp/);
    assert.equal(problems(EXPIRING, [past(1, newest, young)], []), '');
  });
});
