import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { MUTANTS } from './catalogue.ts';
import { MutantError, plant } from './workspace.ts';

const SOURCES = join(import.meta.dirname, '..', 'src');

describe('a fault to be planted into the core', () => {
  for (const mutant of MUTANTS) {
    it(`has its place: ${mutant.name}`, () => {
      const source = readFileSync(join(SOURCES, mutant.file), 'utf8');
      assert.notEqual(plant(source, mutant), source);
    });
  }

  it('has a name of its own', () => {
    assert.equal(new Set(MUTANTS.map(({ name }) => name)).size, MUTANTS.length);
  });

  it('is refused when its place is gone, or not the only one', () => {
    const [mutant] = MUTANTS;
    assert.ok(mutant !== undefined);
    assert.throws(() => plant('', mutant), MutantError);
    assert.throws(() => plant(mutant.find + mutant.find, mutant), /no longer applies/);
  });
});
