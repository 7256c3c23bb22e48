import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseOptions } from './options.ts';

describe('the command line', () => {
  test('asks for one run of 60 s on three or five members, with a seed by chance', () => {
    const { runs, seconds, hours, nodes, broken, check } = parseOptions([]);
    assert.deepEqual([runs, seconds, hours, nodes, broken, check], [1, 60, null, null, null, null]);
  });

  test('takes what make passes on', () => {
    const words = ['--runs', '6', '--seconds', '30', '--nodes', '5', '--seed', '7'];
    const { runs, seconds, nodes, seed } = parseOptions(words);
    assert.deepEqual([runs, seconds, nodes, seed], [6, 30, 5, 7]);
    assert.equal(parseOptions(['--broken', 'stale-reads']).seconds, 30);
  });

  for (const words of [
    ['--nodes', '4'],
    ['--nodes', '2'],
    ['--runs', '0'],
    ['--runs', ''],
    ['--seconds', '1.5'],
    ['--hours', '-1'],
    ['--broken', 'fast-writes'],
    ['--speed', '9'],
    ['60'],
  ]) {
    test(`refuses ${words.join(' ')}`, () => {
      assert.throws(() => parseOptions(words));
    });
  }
});
