import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crdManifest } from './index.ts';

type Json = Record<string, unknown>;

function isMap(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function at(value: unknown, ...path: (string | number)[]): unknown {
  return path.reduce(
    (inner, step) => (inner instanceof Object ? Reflect.get(inner, step) : undefined),
    value,
  );
}

const version = at(crdManifest(), 'spec', 'versions', 0);
const root = at(version, 'schema', 'openAPIV3Schema');

/** Every schema of the structural tree with its place. */
function* schemas(schema: unknown, place: string): Generator<[string, Json]> {
  if (!isMap(schema)) return;
  yield [place, schema];
  if (isMap(schema['items'])) yield* schemas(schema['items'], `${place}[]`);
  const properties = isMap(schema['properties']) ? schema['properties'] : {};
  for (const [name, inner] of Object.entries(properties)) yield* schemas(inner, `${place}.${name}`);
}

test('every schema has one type, or preserves what it is given', () => {
  for (const [place, schema] of schemas(root, '')) {
    const preserves = schema['x-kubernetes-preserve-unknown-fields'] === true;
    assert.ok(typeof schema['type'] === 'string' || preserves, place);
  }
});

test('every list of the spec is bounded, and so is every string', () => {
  for (const [place, schema] of schemas(at(root, 'properties', 'spec'), 'spec')) {
    if (schema['type'] === 'array') assert.ok(Number.isInteger(schema['maxItems']), place);
    if (schema['type'] === 'string') assert.ok(Number.isInteger(schema['maxLength']), place);
  }
});

test('unknown attributes survive wherever a person can write one', () => {
  for (const [place, schema] of schemas(at(root, 'properties', 'spec'), 'spec')) {
    // Labels have no attributes: every name is one.
    const isMap = schema['additionalProperties'] !== undefined;
    if (schema['type'] === 'object' && !isMap)
      assert.equal(schema['x-kubernetes-preserve-unknown-fields'], true, place);
  }
});

test('lists of named things are maps by their name, which is then required', () => {
  const keyed = [...schemas(root, '')].filter(([, s]) => s['x-kubernetes-list-type'] === 'map');
  for (const [place, schema] of keyed) {
    assert.deepEqual(at(schema, 'items', 'required'), schema['x-kubernetes-list-map-keys'], place);
  }
  const places = keyed.map(([place]) => place);
  for (const place of ['.spec.models', '.spec.models[].fields', '.spec.cluster.regions']) {
    assert.ok(places.includes(place), place);
  }
});

test('the columns, the short name and the status are there, and it is small', () => {
  const columns = at(version, 'additionalPrinterColumns');
  assert.ok(Array.isArray(columns));
  assert.deepEqual(
    columns.map((column) => at(column, 'name')),
    ['Ready', 'Phase', 'Nodes', 'Leader', 'Schema', 'Age'],
  );
  assert.deepEqual(at(crdManifest(), 'spec', 'names', 'shortNames'), ['lm']);
  assert.deepEqual(at(crdManifest(), 'spec', 'names', 'categories'), ['lithair']);
  assert.deepEqual(at(version, 'subresources'), {
    status: {},
    scale: {
      specReplicasPath: '.spec.cluster.readReplicas',
      statusReplicasPath: '.status.readReplicas',
      labelSelectorPath: '.status.readReplicaSelector',
    },
  });
  assert.ok(JSON.stringify(crdManifest()).length < 100_000);
});
