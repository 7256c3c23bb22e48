import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  compileSchema,
  type JsonValue,
  readModelFile,
  type Schema,
  validateSpec,
} from '@lithair/crds';
import fc from 'fast-check';
import { Rights } from '../../access/index.ts';
import { ANONYMOUS } from '../../auth/index.ts';
import { historyRules } from '../../history/index.ts';
import { refuseId } from '../../validation/index.ts';
import { sharedParameters } from './components.ts';
import { openApiDocument } from './document.ts';
import { largeIntegers } from './schemas.ts';

type Json = { [key: string]: JsonValue };

function shopSchema(): Schema {
  const path = new URL('../../../docs/examples/shop.yaml', import.meta.url);
  const file = readModelFile(readFileSync(path, 'utf8'), 'shop.yaml');
  assert.ok(file.ok, JSON.stringify(file));
  return compileSchema(file.value.spec);
}

const document = describe(shopSchema());
const METHODS = ['get', 'put', 'post', 'delete'];

test('the document has what OpenAPI 3.1 requires at its root', () => {
  assert.equal(document['openapi'], '3.1.1');
  assert.deepEqual(Object.keys(objectAt(document, 'info')).sort(), [
    'description',
    'title',
    'version',
  ]);
  assert.equal(objectAt(document, 'info')['version'], '1.2.3+schema.3');
});

test('every reference points to something that is there', () => {
  assert.ok(referencesIn(document).length > 50);
});

test('so does every reference of models that write and read otherwise', () => {
  const key = { name: 'id', type: 'uuid', primaryKey: true };
  const told = documentOf([
    { name: 'Reading', fields: [key], persistence: { consistency: 'eventual' } },
    { name: 'Visit', fields: [key], persistence: { consistency: 'sequential' } },
    { name: 'Click', fields: [key], persistence: { durability: 'leader' } },
  ]);
  const references = referencesIn(told);
  for (const level of ['LocalConsistency', 'SequentialConsistencyHeader']) {
    assert.ok(references.includes(`#/components/parameters/${level}`), level);
  }
  for (const path of ['/api/readings', '/api/clicks']) {
    const created = JSON.stringify(objectAt(objectAt(told, 'paths'), path));
    assert.match(created, /headers\/Lithair-Durability/, path);
  }
});

test('a level of consistency that a model cannot keep is no value of the parameter', () => {
  const { LocalConsistency } = sharedParameters();
  const level = objectAt(asObject(LocalConsistency), 'schema');
  assert.deepEqual(level, {
    type: 'string',
    enum: ['sequential', 'eventual'],
    default: 'eventual',
  });
});

test('a text fits the schema of a key exactly where it can be one', () => {
  const told = documentOf([
    { name: 'Plain', fields: [{ name: 'id', type: 'string', primaryKey: true }] },
    {
      name: 'Shaped',
      fields: [{ name: 'id', type: 'string', primaryKey: true, pattern: '^.?[./a]' }],
    },
  ]);
  const unit = fc.constantFrom('a', 'é', '😀', '.', '/', '_', '\n', '\u0085', '\u2028', ' ');
  const text = fc.oneof(
    fc.string({ unit, maxLength: 4 }),
    fc.string({ unit, minLength: 250, maxLength: 260 }),
  );
  fc.assert(
    fc.property(text, (id) => {
      const isKey = refuseId(id) === null;
      assert.equal(fitsText(keyOf(told, 'PlainCreate'), id), isKey);
      assert.equal(fitsText(keyOf(told, 'ShapedCreate'), id), isKey && /^.?[./a]/u.test(id));
    }),
    { numRuns: 2000 },
  );
});

const keyMadeOf = (template: string) => ({
  name: 'id',
  type: 'string',
  primaryKey: true,
  template,
});

test('the text of a decimal that is sent keeps the bounds of the field, as the number does', () => {
  const price = { name: 'price', type: 'decimal', required: true, minimum: -1, maximum: 9.5 };
  const key = { name: 'id', type: 'uuid', primaryKey: true };
  const told = documentOf([{ name: 'Offer', fields: [key, price] }]);
  const { properties } = resolve('#/components/schemas/OfferCreate', told);
  const [text = {}, number = {}] = listAt(objectAt(asObject(properties), 'price'), 'anyOf').map(
    asObject,
  );
  assert.deepEqual([number['minimum'], number['maximum']], [-1, 9.5]);
  for (const good of ['-1', '9.5', '+0.25']) assert.ok(fitsText(text, good), good);
  for (const bad of ['-1.01', '9.51', '10']) assert.ok(!fitsText(text, bad), bad);
});

test('a key that is made is bounded, and one that counts can only be left out of a new row', () => {
  const name = { name: 'name', type: 'string', required: true, immutable: true };
  const told = documentOf([
    { name: 'Made', fields: [keyMadeOf('{name}'), name] },
    { name: 'Counted', fields: [keyMadeOf('C-{sequence:3}'), name] },
  ]);
  const [made = {}, absent] = listAt(keyOf(told, 'MadeCreate'), 'anyOf').map(asObject);
  assert.deepEqual(absent, { type: 'null' });
  assert.deepEqual([made['minLength'], made['maxLength']], [1, 256]);
  assert.equal(keyOf(told, 'CountedCreate')['type'], 'null');
  assert.equal(keyOf(told, 'CountedRead')['maxLength'], 256);
});

test('every operation has an id of its own, responses, and a schema for its bodies', () => {
  const ids = new Set<string>();
  for (const [path, method, operation] of operations()) {
    const id = operation['operationId'];
    assert.ok(typeof id === 'string' && !ids.has(id), `${method} ${path}`);
    ids.add(id);
    const statuses = Object.keys(objectAt(operation, 'responses'));
    assert.ok(
      statuses.some((status) => status.startsWith('2')),
      id,
    );
    assert.ok(
      statuses.every((status) => /^[2345]\d\d$/.test(status)),
      id,
    );
    assert.equal('requestBody' in operation, method === 'post' || method === 'put', id);
  }
  assert.equal(
    ids.size,
    4 * 6 + 3,
    'six for each of the four models, and a list for each reference',
  );
});

test('a path parameter is declared exactly where the path has it, parameters only once', () => {
  for (const [path, item] of Object.entries(objectAt(document, 'paths'))) {
    const shared = parametersOf(asObject(item));
    assert.deepEqual(
      shared.filter((p) => p['in'] === 'path').map((p) => `{${textAt(p, 'name')}}`),
      path.match(/\{[^}]+\}/g) ?? [],
    );
  }
  for (const [path, method, operation] of operations()) {
    const names = parametersOf(operation).map((p) => `${textAt(p, 'in')} ${textAt(p, 'name')}`);
    assert.equal(new Set(names).size, names.length, `${method} ${path}`);
    for (const parameter of parametersOf(operation)) assert.ok('schema' in parameter);
  }
});

test('every schema uses only keywords and types of JSON Schema', () => {
  const known = new Set([
    'type',
    'properties',
    'required',
    'additionalProperties',
    'items',
    'anyOf',
    'allOf',
    'enum',
    '$ref',

    'format',
    'pattern',
    'minLength',
    'maxLength',
    'minimum',
    'exclusiveMinimum',
    'exclusiveMaximum',
    'maximum',
    'minItems',
    'maxItems',
    'default',
    'description',
  ]);
  for (const schema of Object.values(objectAt(objectAt(document, 'components'), 'schemas'))) {
    checkSchema(asObject(schema), known);
  }
});

test('what is sent, what is replaced and what is returned are described apart', () => {
  const read = resolve('#/components/schemas/ProductRead');
  const create = resolve('#/components/schemas/ProductCreate');
  const orderReplace = resolve('#/components/schemas/OrderReplace');
  const orderCreate = resolve('#/components/schemas/OrderCreate');
  const { expand, ...always } = objectAt(read, 'properties');
  assert.deepEqual(listAt(read, 'required'), Object.keys(always));
  assert.deepEqual(Object.keys(objectAt(asObject(expand), 'properties')), ['brand', 'category']);
  assert.deepEqual(listAt(create, 'required'), ['name', 'price']);
  assert.ok(listAt(orderCreate, 'required').includes('number'));
  assert.ok(!listAt(orderReplace, 'required').includes('number'), 'immutable values are kept');
  assert.ok(listAt(resolve('#/components/schemas/BrandCreate'), 'required').includes('id'));
});

function checkSchema(schema: Json, known: ReadonlySet<string>): void {
  for (const keyword of Object.keys(schema)) assert.ok(known.has(keyword), keyword);
  const { type, required, properties, items } = schema;
  if (type !== undefined) {
    assert.ok(
      ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'].includes(
        textAt(schema, 'type'),
      ),
    );
  }
  if (properties !== undefined) {
    const members = asObject(properties);
    if (required !== undefined) {
      for (const name of listAt(schema, 'required'))
        assert.ok(typeof name === 'string' && name in members);
    }
    for (const member of Object.values(members)) checkSchema(asObject(member), known);
  }
  if (items !== undefined) checkSchema(asObject(items), known);
  for (const each of ['anyOf', 'allOf']) {
    if (schema[each] === undefined) continue;
    for (const one of listAt(schema, each)) checkSchema(asObject(one), known);
  }
}

function operations(): [path: string, method: string, operation: Json][] {
  return Object.entries(objectAt(document, 'paths')).flatMap(([path, item]) =>
    Object.entries(asObject(item)).flatMap(([method, operation]) =>
      METHODS.includes(method)
        ? [[path, method, asObject(operation)] as [string, string, Json]]
        : [],
    ),
  );
}

function parametersOf(holder: Json): Json[] {
  const { parameters } = holder;
  if (!Array.isArray(parameters)) return [];
  return parameters.map((parameter) => {
    const { $ref } = asObject(parameter);
    return typeof $ref === 'string' ? asObject(resolve($ref)) : asObject(parameter);
  });
}

function resolve(reference: string, within = document): Json {
  return reference
    .slice(2)
    .split('/')
    .reduce((node: Json, step) => asObject(node[step]), within);
}

/** All references, each of which is followed. */
function referencesIn(described: Json): string[] {
  const references: string[] = [];
  visit(described, ({ $ref }) => {
    if (typeof $ref === 'string') references.push($ref);
  });
  for (const reference of references) {
    assert.match(reference, /^#\//);
    assert.doesNotThrow(() => resolve(reference, described), reference);
  }
  return references;
}

function documentOf(declared: unknown[]): Json {
  const spec = validateSpec({ auth: { mode: 'open' }, models: declared });
  assert.ok(spec.ok, JSON.stringify(spec));
  return describe(compileSchema(spec.value));
}

function describe(schema: Schema): Json {
  const rights = new Rights(schema);
  const models = schema.models.map((model) => ({
    model,
    rights: rights.of(ANONYMOUS, model),
    history: historyRules(model),
  }));
  return openApiDocument(schema, models, { schemaVersion: 3, version: '1.2.3' });
}

function keyOf(described: Json, name: string): Json {
  const { properties } = resolve(`#/components/schemas/${name}`, described);
  return objectAt(asObject(properties), 'id');
}

/** What the keywords of a text say of it; lengths are those of code points. */
function fitsText(described: Json, text: string): boolean {
  const { allOf = [], pattern = '', minLength = 0, maxLength = Infinity } = described;
  assert.ok(Array.isArray(allOf) && typeof pattern === 'string');
  const length = Array.from(text).length;
  const fitsAll = allOf.every((each) => fitsText(asObject(each), text));
  const isBounded = length >= Number(minLength) && length <= Number(maxLength);
  return fitsAll && isBounded && new RegExp(pattern, 'u').test(text);
}

function visit(node: JsonValue | undefined, see: (object: Json) => void): void {
  if (Array.isArray(node)) for (const item of node) visit(item, see);
  else if (typeof node === 'object' && node !== null) {
    see(node);
    for (const member of Object.values(node)) visit(member, see);
  }
}

function objectAt(node: Json, key: string): Json {
  return asObject(node[key]);
}

function listAt(node: Json, key: string): JsonValue[] {
  const list = node[key];
  assert.ok(Array.isArray(list), `${key} is a list`);
  return list;
}

function textAt(node: Json, key: string): string {
  const text = node[key];
  assert.ok(typeof text === 'string', `${key} is a string`);
  return text;
}

function asObject(node: JsonValue | undefined): Json {
  assert.ok(
    typeof node === 'object' && node !== null && !Array.isArray(node),
    JSON.stringify(node),
  );
  return node;
}

function fits(schemaOf: JsonValue | undefined, text: string): boolean {
  return new RegExp(textAt(asObject(schemaOf), 'pattern'), 'u').test(text);
}

test('a large integer is a text of digits that a double does not hold, and nothing else is', () => {
  const { LargeInteger, LargePositiveInteger, LargeNegativeInteger } = largeIntegers();
  const safe = BigInt(Number.MAX_SAFE_INTEGER);
  const near = fc.bigInt({ min: safe - 10_000n, max: safe + 10_000n });
  const any = fc.bigInt({ min: 0n, max: 10n ** 64n - 1n });
  fc.assert(
    fc.property(fc.oneof(near, any), fc.boolean(), (magnitude, isNegative) => {
      const text = `${isNegative && magnitude > 0n ? '-' : ''}${magnitude}`;
      const isLarge = magnitude > safe;
      assert.equal(fits(LargeInteger, text), isLarge);
      assert.equal(fits(LargePositiveInteger, text), isLarge && !isNegative);
      assert.equal(fits(LargeNegativeInteger, text), isLarge && isNegative);
    }),
    { numRuns: 500 },
  );
  assert.equal(fits(LargeInteger, String(10n ** 64n)), false);
});

test('every good answer of a traced model may say its trace, below other rows and deleted ones too', () => {
  const key = { name: 'id', type: 'string', primaryKey: true };
  const told = documentOf([
    { name: 'Box', fields: [key] },
    {
      name: 'Parcel',
      fields: [key, { name: 'box', type: 'reference', to: 'Box' }],
      lifecycle: { softDelete: true, versioned: 2 },
      tracing: { enabled: true },
    },
  ]);
  const paths = objectAt(told, 'paths');
  const ofParcels = Object.keys(paths).filter((path) => path.includes('parcels'));
  for (const path of ['/api/parcels/_deleted/{id}/restore', '/api/boxes/{id}/parcels']) {
    assert.ok(ofParcels.includes(path), `${path} is not in ${ofParcels.join(', ')}`);
  }
  for (const path of ofParcels) {
    const route = objectAt(paths, path);
    for (const method of METHODS.filter((one) => Object.hasOwn(route, one))) {
      const answers = objectAt(objectAt(route, method), 'responses');
      for (const [status, answer] of Object.entries(answers)) {
        // Problems are described once for all models.
        const isTold = /components\/responses\/|headers\/traceparent/.test(JSON.stringify(answer));
        assert.ok(isTold, `${method} ${path} ${status}`);
      }
    }
  }
  const open = JSON.stringify(objectAt(paths, '/api/boxes/{id}'));
  assert.ok(!open.includes('headers/traceparent'), 'boxes are not traced');
});
