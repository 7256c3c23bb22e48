import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileSchema, type Schema, validateSpec } from '@lithair/crds';
import fc from 'fast-check';
import { compileValidator, type ModelValidator } from './index.ts';

const KEY_ID = '018f2f2a-0000-7000-8000-000000000001';

function schemaOf(...models: unknown[]): Schema {
  const spec = validateSpec({ auth: { mode: 'open' }, models });
  assert.ok(spec.ok, JSON.stringify(spec));
  return compileSchema(spec.value);
}

function validatorOf(fields: readonly unknown[], key: unknown = uuidKey): ModelValidator {
  const schema = schemaOf({ name: 'Thing', fields: [key, ...fields] });
  const [model] = schema.models;
  assert.ok(model);
  return compileValidator(schema, model, { depth: 32, items: 1000 });
}

const uuidKey = { name: 'id', type: 'uuid', primaryKey: true };
const stringKey = { name: 'id', type: 'string', primaryKey: true };

function createText(validator: ModelValidator, text: string) {
  return validator.create(Buffer.from(text));
}

function bodyOf(validator: ModelValidator, text: string) {
  const reading = createText(validator, text);
  assert.ok(reading.ok, JSON.stringify(reading));
  return reading.body;
}

function errorsOf(validator: ModelValidator, text: string): string[] {
  const reading = createText(validator, text);
  assert.ok(!reading.ok, 'the body was accepted');
  return reading.errors.map((error) => `${error.pointer} ${error.code}`);
}

test('a decimal comes back exactly as written, as a string or as a JSON number', () => {
  const validator = validatorOf([{ name: 'price', type: 'decimal' }]);
  for (const text of [
    '0.1',
    '1.10',
    '12345678901234567890',
    '0.30000000000000004',
    '1.0',
    '-0.50',
  ]) {
    assert.equal(bodyOf(validator, `{"price":${text}}`)['price'], text);
    assert.equal(bodyOf(validator, `{"price":"${text}"}`)['price'], text);
  }
  assert.equal(bodyOf(validator, '{"price":1e2}')['price'], '100');
  assert.equal(bodyOf(validator, '{"price":-0}')['price'], '0');
});

test('every decimal in plain notation survives, whatever its digits', () => {
  const validator = validatorOf([{ name: 'price', type: 'decimal' }]);
  const digits = fc.stringMatching(/^(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?$/);
  fc.assert(
    fc.property(digits, (text) => {
      assert.equal(bodyOf(validator, `{"price": ${text}}`)['price'], text);
    }),
  );
});

test('an integer beyond 2^53 is kept as a string of digits, never rounded', () => {
  const validator = validatorOf([{ name: 'amount', type: 'integer' }]);
  assert.equal(bodyOf(validator, '{"amount":9007199254740993}')['amount'], '9007199254740993');
  assert.equal(bodyOf(validator, '{"amount":9007199254740991}')['amount'], 9007199254740991);
  assert.deepEqual(errorsOf(validator, '{"amount":9007199254740990.6}'), ['/amount invalid_type']);
  assert.deepEqual(errorsOf(validator, '{"amount":1.0000000000000000001}'), [
    '/amount invalid_type',
  ]);
});

test('a number that a double would round is refused', () => {
  const validator = validatorOf([{ name: 'rating', type: 'number' }]);
  assert.equal(bodyOf(validator, '{"rating":4.5}')['rating'], 4.5);
  assert.deepEqual(errorsOf(validator, '{"rating":0.12345678901234567890123}'), [
    '/rating not_representable',
  ]);
  assert.deepEqual(errorsOf(validator, '{"rating":1e999}'), ['/rating not_representable']);
});

test('bounds are inclusive, and compared exactly', () => {
  const validator = validatorOf([
    { name: 'price', type: 'decimal', minimum: 0, maximum: 10 },
    { name: 'stock', type: 'integer', minimum: 1, maximum: 3 },
  ]);
  assert.deepEqual(bodyOf(validator, '{"price":"10.00","stock":3}'), { price: '10.00', stock: 3 });
  assert.deepEqual(errorsOf(validator, '{"price":"10.00000000000000000001","stock":4}'), [
    '/price too_large',
    '/stock too_large',
  ]);
  assert.deepEqual(errorsOf(validator, '{"price":"-0.01","stock":0}'), [
    '/price too_small',
    '/stock too_small',
  ]);
});

test('lengths count code points, and the pattern is searched for', () => {
  const validator = validatorOf([
    { name: 'name', type: 'string', minLength: 2, maxLength: 3 },
    { name: 'sku', type: 'string', pattern: '^[A-Z]+$' },
  ]);
  assert.deepEqual(bodyOf(validator, '{"name":"😀😀😀","sku":"AB"}')['name'], '😀😀😀');
  assert.deepEqual(errorsOf(validator, '{"name":"😀","sku":"ab"}'), [
    '/name too_short',
    '/sku pattern_mismatch',
  ]);
  assert.deepEqual(errorsOf(validator, '{"name":"abcd"}'), ['/name too_long']);
});

test('a required field must be there; null is a value only where the model says so', () => {
  const validator = validatorOf([
    { name: 'needed', type: 'string', required: true },
    { name: 'known', type: 'string', required: true, nullable: true },
    { name: 'loose', type: 'string', nullable: true, default: 'd' },
    { name: 'plain', type: 'string', default: 'd' },
    { name: 'bare', type: 'string' },
  ]);
  assert.deepEqual(bodyOf(validator, '{"needed":"","known":null,"loose":null,"plain":null}'), {
    needed: '',
    known: null,
    loose: null,
    plain: null,
  });
  assert.deepEqual(bodyOf(validator, '{"needed":"a","known":"b"}'), { needed: 'a', known: 'b' });
  assert.deepEqual(errorsOf(validator, '{"needed":null}'), ['/needed required', '/known required']);
});

test('0, false and the empty string are values', () => {
  const validator = validatorOf([
    { name: 'amount', type: 'integer', required: true },
    { name: 'flag', type: 'boolean', required: true },
    { name: 'text', type: 'string', required: true },
  ]);
  const text = '{"amount":0,"flag":false,"text":""}';
  assert.deepEqual(bodyOf(validator, text), { amount: 0, flag: false, text: '' });
});

test('all errors are collected, with pointers into arrays and objects', () => {
  const validator = validatorOf([
    { name: 'tags', type: 'array', items: { type: 'string', maxLength: 2 }, maxItems: 3 },
    {
      name: 'size',
      type: 'object',
      fields: [
        { name: 'width', type: 'number', required: true },
        { name: 'unit', type: 'enum', values: ['mm', 'cm'], default: 'mm' },
      ],
    },
  ]);
  assert.deepEqual(bodyOf(validator, '{"size":{"width":1}}')['size'], { width: 1 });
  const text = '{"tags":["ok","bad",null,3],"size":{"unit":"km","a/b~c":1},"other":1}';
  assert.deepEqual(errorsOf(validator, text), [
    '/tags too_many_items',
    '/size/unit not_in_values',
    '/size/a~1b~0c unknown_field',
    '/size/width required',
    '/other unknown_field',
  ]);
  assert.deepEqual(errorsOf(validator, '{"tags":["bad",null,3]}'), [
    '/tags/0 too_long',
    '/tags/1 required',
    '/tags/2 invalid_type',
  ]);
});

test('an array has as many items as the model says, at both ends', () => {
  const items = { type: 'integer' };
  const validator = validatorOf([
    { name: 'codes', type: 'array', items, minItems: 2, maxItems: 3 },
  ]);
  for (const codes of ['[1,2]', '[1,2,3]']) bodyOf(validator, `{"codes":${codes}}`);
  assert.deepEqual(errorsOf(validator, '{"codes":[1]}'), ['/codes too_few_items']);
  assert.deepEqual(errorsOf(validator, '{"codes":[1,2,3,4]}'), ['/codes too_many_items']);
});

test('names that JavaScript objects answer to are unknown fields like any other', () => {
  const validator = validatorOf([{ name: 'name', type: 'string' }]);
  for (const key of ['__proto__', 'constructor', 'toString']) {
    assert.deepEqual(errorsOf(validator, `{"${key}":{"name":"x"}}`), [`/${key} unknown_field`]);
  }
});

test('a repeated key is refused, however it is written', () => {
  const validator = validatorOf([{ name: 'name', type: 'string' }]);
  for (const text of [
    '{"name":"a","name":"b"}',
    '{"name":"a","name" :"b"}',
    '{"n\\u0061me":"a","name":"b"}',
  ]) {
    assert.deepEqual(errorsOf(validator, text), ['/name duplicate_key'], text);
  }
  assert.equal(bodyOf(validator, '{"name":"a \\":b"}')['name'], 'a ":b');
});

test('malformed JSON is refused with its line and column', () => {
  const validator = validatorOf([{ name: 'name', type: 'string' }]);
  const wrong = [
    '{"name":}',
    '{',
    '',
    '{"name":"a"} x',
    '{"name":"\n"}',
    "{'name':1}",
    '{"name":01}',
    '[1,]',
  ];
  for (const text of wrong) {
    const reading = createText(validator, text);
    assert.ok(!reading.ok && reading.code === 'malformed_json', text);
    assert.match(reading.errors[0]?.message ?? '', /^must be JSON; (line \d+, )?column \d+: /);
  }
  const reading = createText(validator, '{\n  "name": nope\n}');
  assert.ok(!reading.ok);
  assert.match(reading.errors[0]?.message ?? '', /^must be JSON; line 2, column 11: /);
});

test('whatever JSON.parse refuses is refused as malformed', () => {
  const validator = validatorOf([{ name: 'name', type: 'string' }]);
  fc.assert(
    fc.property(fc.json(), fc.nat(), fc.string({ maxLength: 2 }), (json, at, junk) => {
      const cut = at % (json.length + 1);
      const text = json.slice(0, cut) + junk + json.slice(cut);
      let isJson = true;
      try {
        JSON.parse(text);
      } catch {
        isJson = false;
      }
      const reading = createText(validator, text);
      if (!isJson) assert.ok(!reading.ok && reading.code === 'malformed_json', text);
    }),
    { numRuns: 500 },
  );
});

test('bytes that are not UTF-8, and half surrogate pairs, are refused', () => {
  const validator = validatorOf([{ name: 'name', type: 'string' }]);
  const reading = validator.create(Buffer.from([0x22, 0xff, 0x22]));
  assert.ok(!reading.ok && reading.code === 'malformed_json');
  assert.deepEqual(errorsOf(validator, '{"name":"\\ud800"}'), ['/name invalid_unicode']);
});

test('nesting beyond 32 levels is refused without following it', () => {
  const validator = validatorOf([{ name: 'name', type: 'string' }]);
  for (const depth of [33, 100_000]) {
    const reading = createText(validator, `${'['.repeat(depth)}${']'.repeat(depth)}`);
    assert.ok(!reading.ok && reading.code === 'too_deep');
  }
  const reading = createText(validator, `{"name":${'['.repeat(31)}${']'.repeat(31)}}`);
  assert.ok(!reading.ok && reading.code === 'invalid');
});

test('a string id must be able to stand in a URL', () => {
  const validator = validatorOf([], stringKey);
  assert.deepEqual(bodyOf(validator, '{"id":"Amélie 2"}'), { id: 'Amélie 2' });
  assert.deepEqual(errorsOf(validator, '{"id":"_bulk"}'), ['/id reserved_id']);
  for (const id of ['a/b', '..', '', 'a\\u0000', 'x'.repeat(300)]) {
    assert.match(
      errorsOf(validator, `{"id":"${id}"}`)[0] ?? '',
      /^\/id (invalid_id|too_long|too_short)$/,
      id,
    );
  }
  assert.deepEqual(errorsOf(validator, '{}'), ['/id required']);
  assert.equal(validator.id('a/b'), null);
});

test('a string id has at most 256 code points, whatever they take', () => {
  const validator = validatorOf([], stringKey);
  const [most, more] = ['𝄞'.repeat(256), '𝄞'.repeat(257)];
  assert.deepEqual(bodyOf(validator, `{"id":"${most}"}`), { id: most });
  assert.equal(validator.id(most), most);
  assert.equal(validator.id(more), null);
  assert.match(errorsOf(validator, `{"id":"${more}"}`)[0] ?? '', /^\/id (invalid_id|too_long)$/);
});

test('a uuid id may be left out, and is read in any case', () => {
  const validator = validatorOf([]);
  assert.deepEqual(bodyOf(validator, '{}'), {});
  assert.deepEqual(bodyOf(validator, `{"id":"${KEY_ID.toUpperCase()}"}`), { id: KEY_ID });
  assert.equal(validator.id(KEY_ID.toUpperCase()), KEY_ID);
  assert.equal(validator.id('nonsense'), null);
});

test('a replacement keeps absent immutable fields and refuses another id', () => {
  const validator = validatorOf([
    { name: 'number', type: 'string', required: true, immutable: true },
    { name: 'name', type: 'string' },
  ]);
  const replace = (text: string, creates: boolean) =>
    validator.replace(Buffer.from(text), KEY_ID, creates);
  assert.deepEqual(replace('{}', false), { ok: true, body: { id: KEY_ID } });
  const created = replace('{}', true);
  assert.ok(!created.ok && created.errors[0]?.pointer === '/number');
  const other = replace('{"id":"018f2f2a-0000-7000-8000-000000000002"}', false);
  assert.ok(!other.ok && other.code === 'immutable_field');
});

test('a bulk body names the item of an error, and is bounded', () => {
  const validator = validatorOf([{ name: 'price', type: 'decimal', required: true }]);
  const many = (text: string) => validator.createMany(Buffer.from(text));
  assert.deepEqual(many('[{"price":0.10},{"price":"2"}]'), {
    ok: true,
    body: [{ price: '0.10' }, { price: '2' }],
  });
  const reading = many('[{"price":"1"},{},{"price":"x"}]');
  assert.ok(!reading.ok);
  assert.deepEqual(
    reading.errors.map((e) => `${e.pointer} ${e.code}`),
    ['/1/price required', '/2/price invalid_number'],
  );
  const large = many(`[${Array(1001).fill('{"price":"1"}').join()}]`);
  assert.ok(!large.ok && large.code === 'too_many_items');
  assert.ok(!many('{}').ok);
  assert.ok(!many('[]').ok);
});
