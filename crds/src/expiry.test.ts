import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { compareSchemas, compileSchema, type Schema, validateSpec } from './index.ts';

const ID = '{name: id, type: uuid, primaryKey: true}';
const UNTIL = '{name: until, type: datetime}';
const TTL = 'lifecycle: {ttl: {field: until, after: 30d}}';
const SESSION = `{name: Session, fields: [${ID}, ${UNTIL}], ${TTL}}`;

function schemaOf(models: string): Schema {
  const result = validateSpec(parse(`models: [${models}]`));
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return compileSchema(result.value);
}

test('the field that rows expire by is indexed, whatever it says', () => {
  const [model] = schemaOf(SESSION).models;
  assert.deepEqual(model?.lifecycle?.ttl, { field: 'until', after: '30d' });
  assert.equal(model?.fields[1]?.index, 'ordered');
});

test('when rows expire may change at any time', () => {
  const never = schemaOf(`{name: Session, fields: [${ID}, ${UNTIL}]}`);
  assert.equal(compareSchemas(never, schemaOf(SESSION)).kind, 'additive');
  assert.equal(compareSchemas(schemaOf(SESSION), never).kind, 'additive');
});

const refers = (name: string, to: string, onDelete: string) =>
  `{name: ${name}, fields: [${ID}, {name: of, type: reference, to: ${to}, onDelete: ${onDelete}}]}`;

const REFUSED: [string, string, RegExp][] = [
  [
    `{name: A, fields: [${ID}], lifecycle: {ttl: {field: untl}}}`,
    'models[0].lifecycle.ttl.field',
    /there is no field "untl"/,
  ],
  [
    `{name: A, fields: [${ID}, {name: x, type: integer}], lifecycle: {ttl: {field: x}}}`,
    'models[0].lifecycle.ttl.field',
    /rows expire by a datetime; x is of type integer/,
  ],
  [
    `{name: A, fields: [${ID}, ${UNTIL}], lifecycle: {ttl: {field: until, after: forever}}}`,
    'models[0].lifecycle.ttl.after',
    /need no ttl/,
  ],
  [
    `{name: A, fields: [${ID}, ${UNTIL}], lifecycle: {softDelete: true, ttl: {field: until}}}`,
    'models[0].lifecycle.ttl',
    /ttl excludes softDelete/,
  ],
  [
    `{name: A, fields: [${ID}, ${UNTIL}], lifecycle: {ttl: {field: until}}, persistence: {consistency: eventual}}`,
    'models[0].lifecycle.ttl',
    /consistency eventual excludes ttl/,
  ],
  [
    `${SESSION}, ${refers('Cart', 'Session', 'restrict')}`,
    'models[1].fields[1].onDelete',
    /rows of "Session" expire, and restrict would keep them/,
  ],
  [
    `${SESSION}, ${refers('Cart', 'Session', 'cascade')}, ${refers('Line', 'Cart', 'restrict')}`,
    'models[2].fields[1].onDelete',
    /restrict would keep them/,
  ],
];

for (const [models, path, message] of REFUSED) {
  test(`refused at ${path}: ${message.source}`, () => {
    const result = validateSpec(parse(`models: [${models}]`));
    assert.ok(!result.ok);
    assert.deepEqual(
      result.problems.map((each) => each.path),
      [path],
    );
    assert.match(result.problems[0]?.message ?? '', message);
  });
}

test('what cascades and is let go may refer to rows that expire', () => {
  const cart = refers('Cart', 'Session', 'cascade');
  schemaOf(`${SESSION}, ${cart}, ${refers('Line', 'Cart', 'setNull')}`);
});
