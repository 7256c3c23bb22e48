import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { resourceShape } from '../../crds/src/language.ts';
import type { RecordShape } from '../../crds/src/shape.ts';
import { attributePaths } from './attributes.ts';
import { MUTANTS } from './catalogue.ts';
import { MutantError, plant } from './mutant.ts';
import { PROJECT } from './workspace.ts';

function record(attributes: RecordShape['attributes']): RecordShape {
  return { kind: 'record', attributes, later: [], description: '' };
}

const PATHS = attributePaths(resourceShape);

describe('the mutants of the language', () => {
  it('leave no attribute out: what enforces a new one has to be taken away, too', () => {
    const known = new Set(MUTANTS.map(({ attribute }) => attribute));
    assert.deepEqual(
      PATHS.filter((path) => !known.has(path)),
      [],
    );
  });

  it('are about attributes that there are', () => {
    assert.deepEqual(
      MUTANTS.map(({ attribute }) => attribute).filter((path) => !PATHS.includes(path)),
      [],
    );
  });

  for (const mutant of MUTANTS) {
    it(`have their place: ${mutant.attribute} (${mutant.fault})`, () => {
      const source = readFileSync(join(PROJECT, mutant.file), 'utf8');
      assert.notEqual(plant(source, mutant), source);
      assert.ok(mutant.tests.length > 0);
      for (const file of mutant.tests) assert.ok(existsSync(join(PROJECT, file)), file);
    });
  }

  it('are refused when their place is gone, or not the only one', () => {
    const [mutant] = MUTANTS;
    assert.ok(mutant !== undefined);
    assert.throws(() => plant('', mutant), MutantError);
    assert.throws(() => plant(mutant.find + mutant.find, mutant), /no longer applies/);
  });
});

describe('the attributes of a record', () => {
  const flag = { kind: 'boolean', description: '' } as const;
  it('are those within it, and those of what it lists', () => {
    const list = {
      kind: 'list',
      of: () => record({ inner: { ...flag } }),
      minItems: 0,
      maxItems: 1,
      noun: '',
      description: '',
    } as const;
    const root = record({ own: { ...flag }, part: record({ deep: { ...flag } }), many: list });
    assert.deepEqual(attributePaths(root), ['own', 'part.deep', 'many[].inner']);
  });

  it('are named once, where they stand least deep', () => {
    const shared = record({ part: record({ own: flag }), own: flag });
    assert.deepEqual(attributePaths(shared), ['part', 'own']);
  });
});
