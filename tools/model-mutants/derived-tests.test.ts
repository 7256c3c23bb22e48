// Tests that `lithair test` derives from a model must notice when a rule of it is not kept.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { MUTANTS } from './catalogue.ts';
import { Workspace } from './workspace.ts';

const FIELD = 'spec.models[].fields[]';
const NOTICED = [
  [`${FIELD}.minimum`, 'smaller values are taken', 'shop.yaml', 'Product price'],
  [`${FIELD}.unique`, 'two rows have the same value', 'shop.yaml', 'Product sku'],
  [`${FIELD}.immutable`, 'the value changes', 'blog.yaml', 'immutable'],
  ['spec.models[].permissions.create', 'everybody may create', 'blog.yaml', 'may not create'],
  [`${FIELD}.states.initial`, 'rows begin in any state', 'orders.yaml', 'initial'],
  [
    `${FIELD}.states.transitions[].event`,
    'changes have no name of their transition',
    'orders.yaml',
    'event',
  ],
  ['spec.models[].events[].fields', 'an event is a change of any field', 'ledger.yaml', 'event'],
  [`${FIELD}.permissions.read`, 'everybody reads the field', 'blog.yaml', 'may not read'],
] as const;

describe('lithair test on a build', () => {
  let space: Workspace;
  before(() => {
    space = new Workspace();
  });
  after(() => space.close());

  for (const [attribute, fault, example, filter] of NOTICED) {
    it(`in which, for want of ${attribute}, ${fault}, fails`, () => {
      const mutant = MUTANTS.find((each) => each.attribute === attribute && each.fault === fault);
      assert.ok(mutant);
      const restore = space.plant(mutant);
      try {
        const words = ['test', `docs/examples/${example}`, '--filter', filter];
        const run = spawnSync(process.execPath, ['node/cli/main.ts', ...words], {
          cwd: space.directory,
          encoding: 'utf8',
          timeout: 120_000,
        });
        assert.equal(run.status, 1, run.stdout + run.stderr);
        assert.match(run.stdout, /✖ /);
        assert.match(run.stdout, /[1-9]\d* failed/);
      } finally {
        restore();
      }
    });
  }
});
