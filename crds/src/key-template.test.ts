import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compareSchemas, compileSchema, keyTemplate, validateSpec } from './index.ts';

const PART = { required: true, immutable: true };

function validate(template: string, more: { key?: object; model?: object; sku?: object } = {}) {
  const fields = [
    { name: 'id', type: 'string', primaryKey: true, template, ...more.key },
    { name: 'sku', type: 'string', ...PART, ...more.sku },
    { name: 'lot', type: 'integer', ...PART },
    { name: 'note', type: 'text', ...PART },
  ];
  return validateSpec({
    auth: { mode: 'open' },
    models: [{ name: 'Stock', fields, ...more.model }],
  });
}

function refusal(...given: Parameters<typeof validate>): string {
  const found = validate(...given);
  assert.ok(!found.ok, 'it is accepted');
  return found.problems.map(({ path, message }) => `${path}: ${message}`).join('\n');
}

describe('the template of a key', () => {
  it('is made of texts, fields and a number at the end', () => {
    for (const template of ['{sku}-{lot}', '{sku}', 'A:{lot}', '{sku}/{lot}'.replace('/', '~')]) {
      assert.ok(validate(template).ok, template);
    }
    assert.deepEqual(keyTemplate('{sku}-INV:{sequence:12}'), [
      { kind: 'field', name: 'sku' },
      { kind: 'text', text: '-INV:' },
      { kind: 'sequence', digits: 12 },
    ]);
  });

  it('makes the key one that nobody has to send', () => {
    const found = validate('{sku}-{lot}');
    assert.ok(found.ok);
    const [key] = compileSchema(found.value).models[0]?.fields ?? [];
    assert.deepEqual([key?.required, key?.template], [false, '{sku}-{lot}']);
  });

  it('is refused where it could not tell rows apart, or is no part of a URL', () => {
    for (const [template, message] of [
      ['{sku}{lot}', /needs a text between two values/],
      ['plain', /needs a field or a sequence/],
      ['{sku}/{lot}', /a key takes letters, digits/],
      ['{sku', /a key takes letters, digits/],
      ['_{sku}', /reserved for routes/],
      ['{sequence:6}-{sku}', /a sequence stands at the end/],
      ['A{sequence:16}', /1 to 15 digits, not 16/],
      ['A{sequence:0}', /1 to 15 digits, not 0/],
      ['{nope}', /no field "nope"/],
      ['{id}', /no field "id"/],
      ['{note}', /note is of type text/],
    ] as const) {
      assert.match(refusal(template), message, template);
    }
  });

  it('takes fields that every row has from its beginning, and that never change', () => {
    assert.match(refusal('{sku}', { sku: { immutable: false } }), /sku must be immutable/);
    assert.match(refusal('{sku}', { sku: { required: false } }), /sku must be required/);
    assert.match(refusal('{sku}', { sku: { nullable: true } }), /sku must be required/);
    assert.match(refusal('{sku}', { sku: { default: 'x' } }), /sku must be sent/);
    const model = { lifecycle: { immutable: true } };
    assert.ok(validate('{sku}', { sku: { immutable: false }, model }).ok);
  });

  it('stands at a string key, without what bounds one that clients choose', () => {
    assert.match(refusal('{sku}', { key: { type: 'uuid' } }), /primary key of type string/);
    assert.match(refusal('{sku}', { key: { pattern: '^a$' } }), /pattern does not apply to a key/);
    assert.match(refusal('{sku}', { key: { required: true } }), /required does not apply to a key/);
    const model = { persistence: { consistency: 'eventual' } };
    assert.match(refusal('A{sequence:6}', { model }), /excludes a sequence/);
    assert.ok(validate('{sku}', { model }).ok);
  });

  it('tells of no field that is not for all who may read a row', () => {
    for (const sku of [{ permissions: { read: ['Boss'] } }, { hidden: true }]) {
      assert.match(refusal('{sku}-{lot}', { sku }), /sku is not for all to read/);
    }
  });

  it('cannot change where rows have keys by it', () => {
    const [old, next] = [validate('{sku}'), validate('{sku}-{lot}')];
    assert.ok(old.ok && next.ok);
    const { kind, reasons } = compareSchemas(compileSchema(old.value), compileSchema(next.value));
    assert.equal(kind, 'breaking');
    assert.equal(reasons[0]?.code, 'primary_key_changed');
  });
});
