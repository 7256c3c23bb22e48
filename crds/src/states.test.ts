import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { compareSchemas, compileSchema, type Schema, validateSpec } from './index.ts';

const ID = '{name: id, type: uuid, primaryKey: true}';

function validated(field: string, more = '') {
  return validateSpec(parse(`models: [{name: Order, fields: [${ID}, ${field}]${more}}]`));
}

function schemaOf(field: string): Schema {
  const result = validated(field);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return compileSchema(result.value);
}

const fieldOf = (states: string, more = '') =>
  `{name: s, type: enum, values: [a, b, c]${more}, states: ${states}}`;
const MOVES = '[{from: [a], to: b}, {from: [a, b], to: c}]';
const SOUND = fieldOf(`{initial: a, transitions: ${MOVES}}`);

test('a field with states begins with the initial one', () => {
  const [model] = schemaOf(SOUND).models;
  const field = model?.fields[1];
  assert.equal(field?.default, 'a');
  assert.deepEqual(field?.states?.transitions[1], { from: ['a', 'b'], to: 'c' });
});

test('states and their transitions may change at any time', () => {
  const plain = schemaOf('{name: s, type: enum, values: [a, b, c]}');
  const { kind, changes } = compareSchemas(plain, schemaOf(SOUND));
  assert.equal(kind, 'additive');
  assert.match(changes.join('\n'), /Order\.s: states none becomes/);
  const fewer = schemaOf(
    fieldOf('{initial: a, transitions: [{from: [a], to: b}, {from: [a], to: c}]}'),
  );
  assert.equal(compareSchemas(schemaOf(SOUND), fewer).kind, 'additive');
  assert.equal(compareSchemas(schemaOf(SOUND), plain).kind, 'additive');
});

const AT = 'models[0].fields[1]';
const REFUSED: [string, string, string, RegExp][] = [
  [fieldOf(`{transitions: ${MOVES}}`), 'states.initial', 'missing_attribute', /is missing/],
  [fieldOf('{initial: a}'), 'states.transitions', 'missing_attribute', /is missing/],
  [
    fieldOf(`{initial: x, transitions: ${MOVES}}`),
    'states.initial',
    'invalid_value',
    /"x" is not one of a, b, c/,
  ],
  [
    fieldOf('{initial: a, transitions: [{from: [a], to: b}, {from: [a, x], to: c}]}'),
    'states.transitions[1].from[1]',
    'invalid_value',
    /"x" is not one of/,
  ],
  [
    fieldOf(
      '{initial: a, transitions: [{from: [a], to: b}, {from: [a], to: c}, {from: [a], to: x}]}',
    ),
    'states.transitions[2].to',
    'invalid_value',
    /"x" is not one of/,
  ],
  [
    fieldOf('{initial: a, transitions: [{from: [a, b], to: b}, {from: [a], to: c}]}'),
    'states.transitions[0].from[1]',
    'conflicting',
    /from "b" to "b" is no change/,
  ],
  [
    fieldOf('{initial: a, transitions: [{from: [a], to: b}]}'),
    'states.transitions',
    'unreachable_state',
    /no transitions lead from "a" to "c"/,
  ],
  [
    fieldOf(`{initial: a, transitions: ${MOVES}}`, ', nullable: true'),
    'nullable',
    'conflicting',
    /always has one/,
  ],
  [
    fieldOf(`{initial: a, transitions: ${MOVES}}`, ', default: b'),
    'default',
    'conflicting',
    /begin with initial/,
  ],
  [
    fieldOf(`{initial: a, transitions: ${MOVES}}`, ', immutable: true'),
    'immutable',
    'conflicting',
    /changes/,
  ],
  [
    fieldOf(
      '{initial: a, transitions: [{from: [a], to: b, when: self.x == 1}, {from: [b], to: c}]}',
    ),
    'states.transitions[0].when',
    'invalid_expression',
    /x/,
  ],
  [
    fieldOf('{initial: a, transitions: [{from: [a], to: b, roles: [Clerk]}, {from: [b], to: c}]}'),
    'states.transitions[0].roles',
    'conflicting',
    /roles need auth.mode: tokens/,
  ],
  [
    `{name: s, type: string, states: {initial: a, transitions: ${MOVES}}}`,
    'states',
    'does_not_apply',
    /states does not apply to type string/,
  ],
];

for (const [field, place, code, message] of REFUSED) {
  test(`refused as ${code} at ${place}: ${field}`, () => {
    const result = validated(field);
    assert.ok(!result.ok);
    const [first, ...others] = result.problems;
    assert.deepEqual([first?.path, first?.code], [`${AT}.${place}`, code]);
    assert.match(first?.message ?? '', message);
    assert.deepEqual(others, []);
  });
}

test('two events of one name are refused, and states that nobody or every node writes', () => {
  const named = fieldOf(
    '{initial: a, transitions: [{from: [a], to: b, event: Moved}, {from: [b], to: c}]}',
  );
  const twice = validated(named, ', events: [{type: Moved, when: update}]');
  assert.ok(!twice.ok);
  assert.equal(twice.problems[0]?.path, `${AT}.states.transitions[0].event`);
  const immutable = validated(SOUND, ', lifecycle: {immutable: true}');
  assert.ok(!immutable.ok);
  assert.equal(immutable.problems[0]?.path, `${AT}.states`);
  assert.match(immutable.problems[0]?.message ?? '', /a transition would change a row/);
  const eventual = validated(SOUND, ', persistence: {consistency: eventual}');
  assert.ok(!eventual.ok);
  assert.match(eventual.problems[0]?.message ?? '', /consistency eventual excludes states/);
});
