import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HELP, parseOptions } from './options.ts';
import { subjects } from './subjects.ts';

test('without words, a thousand examples of each operation of every model', () => {
  assert.deepEqual(parseOptions([]), { examples: 1000, seed: 1, only: '', help: false });
});

for (const examples of ['0', '-1', '1.5', 'many', '']) {
  test(`"${examples}" is no number of examples`, () => {
    assert.throws(
      () => parseOptions([`--examples=${examples}`]),
      /--examples must be a whole number/,
    );
  });
}

test('an unknown word is refused', () => {
  assert.throws(() => parseOptions(['--exampels=3']), /exampels/);
});

test('the help names every run', () => {
  const untold = subjects().filter(({ name }) => !HELP.includes(`"${name}"`));
  assert.deepEqual(untold, []);
});
