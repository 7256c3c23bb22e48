import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatProblem, readModelFile } from './index.ts';

function linesOf(text: string): string[] {
  const result = readModelFile(text, 'shop.yaml');
  return result.ok ? [] : result.problems.map(formatProblem);
}

const GOOD = `apiVersion: lithair.dev/v1alpha1
kind: LithairModel
metadata: {name: shop}
spec:
  auth: {mode: open}
  models:
    - name: Product
      fields:
        - {name: id, type: uuid, primaryKey: true}
        - name: price
          type: decimal
`;

test('a resource is read with its name', () => {
  const result = readModelFile(GOOD, 'shop.yaml');
  assert.ok(result.ok && result.authDeclared);
  assert.equal(result.value.metadata.name, 'shop');
  assert.equal(result.value.spec.models[0]?.path, '/api/products');
});

test('a bare spec is read too, in YAML and in JSON', () => {
  const yaml = 'models: [{name: A, fields: [{name: id, type: uuid, primaryKey: true}]}]';
  const json = JSON.stringify({
    models: [{ name: 'A', fields: [{ name: 'id', type: 'uuid', primaryKey: true }] }],
  });
  for (const text of [yaml, json]) {
    const result = readModelFile(text, 'a.yaml');
    assert.ok(result.ok && !result.authDeclared);
    assert.deepEqual(
      result.warnings.map(({ file, line, column }) => [file, line, column]),
      [['a.yaml', 1, 1]],
    );
    assert.equal(result.value.spec.models[0]?.name, 'A');
  }
});

test('the place of a wrong value is the value', () => {
  assert.deepEqual(linesOf(GOOD.replace('decimal', 'decimel')), [
    'shop.yaml:11:17: spec.models[0].fields[1].type: must be string, text, integer, number, ' +
      'decimal, boolean, date, datetime, uuid, enum, array, object or reference, not "decimel" ' +
      '(did you mean "decimal"?)',
  ]);
});

test('the place of an unknown attribute is its name', () => {
  assert.deepEqual(linesOf(`${GOOD}          renamedFrom: old\n`), [
    'shop.yaml:12:11: spec.models[0].fields[1].renamedFrom: renamedFrom is not supported yet',
  ]);
});

test('the place of a missing attribute is the map that lacks it', () => {
  assert.deepEqual(linesOf(GOOD.replace('          type: decimal\n', '')), [
    'shop.yaml:10:11: spec.models[0].fields[1].type: is missing',
  ]);
});

test('a place is found through an alias', () => {
  const text = `models:
  - name: A
    fields: &fields
      - {name: id, type: uuid, primaryKey: true}
      - {name: x, type: nope}
  - name: B
    fields: *fields
`;
  const result = readModelFile(text, 'a.yaml');
  assert.ok(!result.ok);
  const places = result.problems.map(({ path, line }) => [path, line]);
  assert.deepEqual(places, [
    ['models[0].fields[1].type', 5],
    ['models[1].fields[1].type', 5],
  ]);
});

test('problems come in the order of the file', () => {
  const text = GOOD.replace('{mode: open}', '{mode: opne}').replace('decimal', 'nope');
  assert.deepEqual(
    linesOf(text).map((line) => line.split(': ')[0]),
    ['shop.yaml:5:16', 'shop.yaml:11:17'],
  );
});

const UNREADABLE: [string, string, RegExp][] = [
  ['a file that is empty', '', /^shop.yaml:1:1: the file is empty$/],
  ['a file with only a comment', '# x\n', /^shop.yaml:1:1: the file is empty$/],
  ['broken syntax', 'models: [', /^shop.yaml:1:10: flow sequence/],
  ['a name given twice', 'models: []\nmodels: []\n', /^shop.yaml:2:1: map keys must be unique$/],
  ['a second document', `${GOOD}---\na: 1\n`, /^shop.yaml:12:1: one document per file/],
  ['an alias without its anchor', 'models: *x', /unresolved alias/],
  ['a tag of another language', 'models: !!js/function "x"', /unresolved tag/],
  ['a name that is not a string', '1: x', /^shop.yaml:1:1: the name of an attribute must be/],
  ['a word that Kubernetes reads as true', GOOD.replace('price', 'yes'), /:10:17: yes means diff/],
  ['a number with a leading zero', `${GOOD}          default: 010\n`, /010 means different/],
  [
    'a number that a float cannot hold',
    `${GOOD}          default: 12345678901234567890.1\n`,
    /more digits/,
  ],
  ['an infinite number', `${GOOD}          minimum: .inf\n`, /not a number that JSON has/],
  ['a file that is too large', `# ${'x'.repeat(1024 * 1024)}`, /more than 1048576 characters/],
  ['nesting without end', '['.repeat(5000), /nested too deep|flow sequence/],
];

for (const [what, text, message] of UNREADABLE) {
  test(`${what} is refused`, () => {
    assert.match(linesOf(text)[0] ?? 'accepted', message);
  });
}

test('aliases that multiply are refused', () => {
  const levels = ['a: &a [1,1,1,1,1,1,1,1]'];
  for (const [from, to] of ['ab', 'bc', 'cd', 'de']) {
    levels.push(`${to}: &${to} [${`*${from},`.repeat(8)}]`);
  }
  assert.match(linesOf(levels.join('\n'))[0] ?? '', /alias/);
});

test('an attribute called __proto__ is refused like any other', () => {
  const text = GOOD.replace('  auth:', '  __proto__: {x: 1}\n  auth:');
  assert.deepEqual(linesOf(text), ['shop.yaml:5:3: spec.__proto__: unknown attribute "__proto__"']);
});

test('a decimal in quotes keeps every digit', () => {
  const text = `${GOOD}          default: "12345678901234567890.10"\n`;
  const result = readModelFile(text, 'shop.yaml');
  assert.ok(result.ok);
  assert.equal(result.value.spec.models[0]?.fields[1]?.default, '12345678901234567890.10');
});
