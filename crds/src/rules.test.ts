import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { type Problem, validateSpec } from './index.ts';

const ID = '{name: id, type: uuid, primaryKey: true}';

/** A spec of one model `A` with a key, these further fields and these further attributes. */
function specWith(fields: string, more = ''): string {
  return `models: [{name: A, fields: [${ID}${fields === '' ? '' : `, ${fields}`}]}]\n${more}`;
}

function problemsOf(spec: string): Problem[] {
  const result = validateSpec(parse(spec));
  return result.ok ? [] : result.problems;
}

/** What is refused: the further fields of model A, the path below models[0], code and message. */
const FIELD_REFUSALS: [string, string, string, RegExp][] = [
  ['{name: x}', 'fields[1].type', 'missing_attribute', /^is missing$/],
  ['{type: string}', 'fields[1].name', 'missing_attribute', /^is missing$/],
  ['{name: x, type: strin}', 'fields[1].type', 'invalid_value', /did you mean "string"\?/],
  ['{name: x, type: sequence}', 'fields[1].type', 'invalid_value', /must be string, text/],
  ['{name: x, type: 3}', 'fields[1].type', 'wrong_type', /must be a string, not 3/],
  ['{name: 1x, type: string}', 'fields[1].name', 'invalid_name', /must start with a letter/],
  ['{name: _x, type: string}', 'fields[1].name', 'invalid_name', /must start with a letter/],
  ['{name: "", type: string}', 'fields[1].name', 'invalid_value', /must not be empty/],
  [`{name: ${'x'.repeat(64)}, type: string}`, 'fields[1].name', 'too_long', /at most 63/],
  ['{name: id, type: string}', 'fields[1].name', 'duplicate_name', /second field .* "id"/],
  ['{name: limit, type: string}', 'fields[1].name', 'reserved_name', /query parameter/],
  ['{name: or, type: string}', 'fields[1].name', 'reserved_name', /query parameter/],
  ['{name: constructor, type: string}', 'fields[1].name', 'reserved_name', /reserved name/],
  ['{name: x, type: string, required: 1}', 'fields[1].required', 'wrong_type', /true or false/],
  [
    '{name: x, type: string, maxLenght: 1}',
    'fields[1].maxLenght',
    'unknown_attribute',
    /"maxLength"/,
  ],
  [
    '{name: x, type: string, zzz: 1}',
    'fields[1].zzz',
    'unknown_attribute',
    /^unknown attribute "zzz"$/,
  ],
  [
    '{name: x, type: string, historize: {mode: versions}}',
    'fields[1].historize.versions',
    'missing_attribute',
    /^mode versions needs versions$/,
  ],
  [
    '{name: x, type: string, historize: {mode: full, versions: 3}}',
    'fields[1].historize.versions',
    'does_not_apply',
    /^versions does not apply to mode full$/,
  ],
  [
    '{name: x, type: string, historize: {mode: versions, versions: 0}}',
    'fields[1].historize.versions',
    'out_of_range',
    /^must be between 1 and 1000, not 0$/,
  ],
  [
    '{name: x, type: string, versioned: 0}',
    'fields[1].versioned',
    'out_of_range',
    /^must be between 1 and 1000, not 0$/,
  ],
  [
    '{name: x, type: string, versioned: 3, historize: {mode: full}}',
    'fields[1].versioned',
    'conflicting',
    /^versioned is historize with mode versions: say one of them$/,
  ],
  [
    '{name: x, type: string, audited: 1}',
    'fields[1].audited',
    'wrong_type',
    /^must be true or false, not 1$/,
  ],
  [
    '{name: x, type: object, fields: [{name: y, type: string, audited: true}]}',
    'fields[1].fields[0].audited',
    'does_not_apply',
    /^audited applies to a field of the model/,
  ],
  [
    '{name: x, type: array, items: {type: string, versioned: 2}}',
    'fields[1].items.versioned',
    'does_not_apply',
    /^versioned does not apply to the items of an array$/,
  ],
  [
    '{name: x, type: object, fields: [{name: y, type: string, historize: {mode: full}}]}',
    'fields[1].fields[0].historize',
    'does_not_apply',
    /^historize applies to a field of the model/,
  ],
  [
    '{name: x, type: number, representation: number}',
    'fields[1].representation',
    'does_not_apply',
    /applies to decimal, integer/,
  ],
  ['{name: x, type: string, format: mail}', 'fields[1].format', 'invalid_value', /email/],
  ['{name: x, type: integer, format: email}', 'fields[1].format', 'does_not_apply', /string, text/],
  [
    '{name: x, type: string, unique: true, index: bloom}',
    'fields[1].index',
    'does_not_apply',
    /bloom adds nothing/,
  ],
  [
    '{name: x, type: string, index: tree}',
    'fields[1].index',
    'invalid_value',
    /none, hash, ordered or bloom/,
  ],
  ['{name: x, type: text, index: hash}', 'fields[1].index', 'does_not_apply', /to type text/],
  ['{name: x, type: boolean, index: ordered}', 'fields[1].index', 'does_not_apply', /use hash/],
  [
    '{name: x, type: array, items: {type: string}, index: hash}',
    'fields[1].index',
    'does_not_apply',
    /array/,
  ],
  ['{name: x, type: text, unique: true}', 'fields[1].unique', 'does_not_apply', /to type text/],
  ['{name: x, type: string, unique: live}', 'fields[1].unique', 'wrong_type', /true or false/],
  ['{name: x, type: integer, pattern: a}', 'fields[1].pattern', 'does_not_apply', /string, text/],
  ['{name: x, type: string, minimum: 1}', 'fields[1].minimum', 'does_not_apply', /integer, number/],
  ['{name: x, type: date, minimum: 1}', 'fields[1].minimum', 'does_not_apply', /integer, number/],
  [
    '{name: x, type: integer, minLength: 1}',
    'fields[1].minLength',
    'does_not_apply',
    /string, text/,
  ],
  ['{name: x, type: string, values: [a]}', 'fields[1].values', 'does_not_apply', /enum/],
  ['{name: x, type: string, minItems: 1}', 'fields[1].minItems', 'does_not_apply', /array/],
  ['{name: x, type: string, to: A}', 'fields[1].to', 'does_not_apply', /reference/],
  ['{name: x, type: string, defaultFrom: now}', 'fields[1].defaultFrom', 'does_not_apply', /date/],
  [
    '{name: x, type: string, defaultFrom: uuid}',
    'fields[1].defaultFrom',
    'does_not_apply',
    /applies to uuid, not to string/,
  ],
  [
    '{name: x, type: integer, minimum: 2, maximum: 1}',
    'fields[1].minimum',
    'impossible_range',
    /2 is above/,
  ],
  [
    '{name: x, type: string, minLength: 2, maxLength: 1}',
    'fields[1].minLength',
    'impossible_range',
    /2/,
  ],
  [
    '{name: x, type: string, minLength: -1}',
    'fields[1].minLength',
    'out_of_range',
    /between 0 and/,
  ],
  [
    '{name: x, type: string, minLength: 1.5}',
    'fields[1].minLength',
    'wrong_type',
    /a whole number/,
  ],
  ['{name: x, type: integer, minimum: 0.5}', 'fields[1].minimum', 'invalid_value', /whole number/],
  [
    '{name: x, type: decimal, minimum: 0.1234567890123456}',
    'fields[1].minimum',
    'invalid_value',
    /15 digits/,
  ],
  [
    '{name: x, type: string, pattern: "["}',
    'fields[1].pattern',
    'invalid_pattern',
    /not a regular expr/,
  ],
  [
    '{name: x, type: string, pattern: "(a+)+$"}',
    'fields[1].pattern',
    'unsafe_pattern',
    /take forever/,
  ],
  [
    '{name: x, type: string, pattern: "^a+a+$"}',
    'fields[1].pattern',
    'unsafe_pattern',
    /maxLength: 1024/,
  ],
  [
    `{name: x, type: string, pattern: "${'a'.repeat(501)}"}`,
    'fields[1].pattern',
    'too_long',
    /500/,
  ],
  ['{name: x, type: enum}', 'fields[1].values', 'missing_attribute', /type enum needs values/],
  ['{name: x, type: enum, values: []}', 'fields[1].values', 'too_few', /at least 1/],
  [
    '{name: x, type: enum, values: [a, b, a]}',
    'fields[1].values[2]',
    'duplicate_value',
    /"a" is there/,
  ],
  ['{name: x, type: enum, values: [1]}', 'fields[1].values[0]', 'wrong_type', /a string, not 1/],
  ['{name: x, type: array}', 'fields[1].items', 'missing_attribute', /type array needs items/],
  [
    '{name: x, type: array, items: {type: string, name: y}}',
    'fields[1].items.name',
    'does_not_apply',
    /items of an/,
  ],
  [
    '{name: x, type: array, items: {type: enum}}',
    'fields[1].items.values',
    'missing_attribute',
    /needs values/,
  ],
  [
    '{name: x, type: array, items: {type: reference}}',
    'fields[1].items.type',
    'not_supported_yet',
    /a reference/,
  ],
  ['{name: x, type: object}', 'fields[1].fields', 'missing_attribute', /type object needs fields/],
  [
    '{name: x, type: object, fields: [{name: y, type: uuid, primaryKey: true}]}',
    'fields[1].fields[0].primaryKey',
    'does_not_apply',
    /inside an object/,
  ],
  [
    '{name: x, type: object, fields: [{name: y, type: string}, {name: y, type: string}]}',
    'fields[1].fields[1].name',
    'duplicate_name',
    /"y"/,
  ],
  ['{name: x, type: reference}', 'fields[1].to', 'missing_attribute', /type reference needs to/],
  ['{name: x, type: reference, to: B}', 'fields[1].to', 'missing_model', /no model "B"/],
  [
    '{name: x, type: reference, to: A, required: true, onDelete: setNull}',
    'fields[1].onDelete',
    'conflicting',
    /setNull needs a field that may be null/,
  ],
  [
    '{name: x, type: reference, to: A, immutable: true, onDelete: setNull}',
    'fields[1].onDelete',
    'conflicting',
    /setNull would change an immutable field/,
  ],
  [
    '{name: x, type: reference, to: A, default: b}',
    'fields[1].default',
    'impossible_default',
    /cannot be known/,
  ],
  [
    '{name: x, type: string, default: 3}',
    'fields[1].default',
    'impossible_default',
    /3 is not a string/,
  ],
  [
    '{name: x, type: string, default: null}',
    'fields[1].default',
    'impossible_default',
    /not nullable/,
  ],
  [
    '{name: x, type: string, maxLength: 1, default: ab}',
    'fields[1].default',
    'impossible_default',
    /longer than/,
  ],
  [
    '{name: x, type: string, minLength: 3, default: ab}',
    'fields[1].default',
    'impossible_default',
    /shorter than/,
  ],
  [
    '{name: x, type: string, pattern: "^a$", default: ab}',
    'fields[1].default',
    'impossible_default',
    /pattern/,
  ],
  [
    '{name: x, type: integer, default: 1.5}',
    'fields[1].default',
    'impossible_default',
    /whole number/,
  ],
  [
    '{name: x, type: integer, minimum: 2, default: 1}',
    'fields[1].default',
    'impossible_default',
    /below minimum 2/,
  ],
  [
    '{name: x, type: number, maximum: 2, default: 2.5}',
    'fields[1].default',
    'impossible_default',
    /above maximum 2/,
  ],
  [
    '{name: x, type: decimal, maximum: 2, default: "2.01"}',
    'fields[1].default',
    'impossible_default',
    /above/,
  ],
  [
    '{name: x, type: decimal, default: abc}',
    'fields[1].default',
    'impossible_default',
    /not a decimal/,
  ],
  [
    '{name: x, type: boolean, default: "true"}',
    'fields[1].default',
    'impossible_default',
    /true or false/,
  ],
  [
    '{name: x, type: date, default: "2023-02-29"}',
    'fields[1].default',
    'impossible_default',
    /not a date/,
  ],
  [
    '{name: x, type: datetime, default: "2023-02-28"}',
    'fields[1].default',
    'impossible_default',
    /not a moment/,
  ],
  ['{name: x, type: uuid, default: abc}', 'fields[1].default', 'impossible_default', /not a UUID/],
  [
    '{name: x, type: enum, values: [a], default: b}',
    'fields[1].default',
    'impossible_default',
    /"b" is not one of a/,
  ],
  [
    '{name: x, type: array, items: {type: integer}, default: [a]}',
    'fields[1].default',
    'impossible_default',
    /"a" is not/,
  ],
  [
    '{name: x, type: array, items: {type: integer}, maxItems: 1, default: [1, 2]}',
    'fields[1].default',
    'impossible_default',
    /maxItems/,
  ],
  [
    '{name: x, type: object, fields: [{name: y, type: integer}], default: {z: 1}}',
    'fields[1].default',
    'impossible_default',
    /"z" is not a field/,
  ],
  [
    '{name: x, type: object, fields: [{name: y, type: integer, required: true}], default: {}}',
    'fields[1].default',
    'impossible_default',
    /y is missing/,
  ],
  [
    '{name: x, type: date, default: "2024-01-01", defaultFrom: now}',
    'fields[1].default',
    'conflicting',
    /exclude/,
  ],
  [
    '{name: x, type: string, unique: true, default: a}',
    'fields[1].default',
    'conflicting',
    /taken twice/,
  ],
  ['{name: x, type: uuid, primaryKey: true}', 'fields[1].primaryKey', 'primary_key', /only one/],
];

for (const [fields, path, code, message] of FIELD_REFUSALS) {
  test(`refused as ${code}: ${fields.slice(0, 90)}`, () => {
    const problems = problemsOf(specWith(fields));
    assert.deepEqual(
      problems.map((p) => [p.path, p.code]),
      [[`models[0].${path}`, code]],
    );
    assert.match(problems[0]?.message ?? '', message);
  });
}
