import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type IdentitySources, resolveIdentity } from './index.ts';

const NOBODY: IdentitySources = {
  configMap: null,
  status: { id: null, hasServed: false },
  reported: [],
  volumes: [],
  fresh: 'fresh',
};

const ROWS: readonly [string, Partial<IdentitySources>, string, boolean, string[]][] = [
  ['nobody knows: a new cluster', {}, 'fresh', false, []],
  ['the ConfigMap knows', { configMap: { id: 'a', bootstrapped: false } }, 'a', false, []],
  ['a bootstrapped one', { configMap: { id: 'a', bootstrapped: true } }, 'a', true, []],
  ['only the status knows', { status: { id: 'a', hasServed: true } }, 'a', true, []],
  ['only a member knows', { reported: ['a'] }, 'a', true, []],
  ['only volumes know', { volumes: ['a', 'a'] }, 'a', false, []],
  [
    'a member answers: it is bootstrapped',
    { configMap: { id: 'a', bootstrapped: false }, reported: ['a'] },
    'a',
    true,
    [],
  ],
  [
    'a member of another cluster',
    { configMap: { id: 'a', bootstrapped: false }, reported: ['b'] },
    'a',
    false,
    ['b'],
  ],
  ['volumes that disagree', { volumes: ['b', 'a'] }, 'b', false, ['a']],
];

for (const [name, sources, id, bootstrapped, strangers] of ROWS) {
  test(`which cluster is it: ${name}`, () => {
    assert.deepEqual(resolveIdentity({ ...NOBODY, ...sources }), { id, bootstrapped, strangers });
  });
}
