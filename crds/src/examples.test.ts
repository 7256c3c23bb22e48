import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { explainDefault } from './default-value.ts';
import { type FieldSpec, type JsonValue, readModelFile } from './index.ts';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

function fieldsOf(example: string): FieldSpec[] {
  const file = `docs/examples/${example}.yaml`;
  const result = readModelFile(read(file), file);
  assert.ok(result.ok && result.authDeclared, JSON.stringify(result));
  return result.value.spec.models[0]?.fields ?? [];
}

/** The fields of a row, by the columns of the source, that no value of theirs can be. */
function refusedFields(
  fields: FieldSpec[],
  row: Record<string, JsonValue>,
  map: Record<string, string>,
) {
  return Object.entries(row).flatMap(([column, value]) => {
    const name = map[column] ?? column;
    const field = fields.find((candidate) => candidate.name === name);
    assert.ok(field, `no field for the column ${column}`);
    return explainDefault(field, value) === undefined ? [] : [`/${name}`];
  });
}

test('the shop is a valid model', () => {
  assert.ok(fieldsOf('shop').length > 0);
});

test('the orders are a valid model', () => {
  assert.ok(fieldsOf('orders').some(({ states }) => states?.initial === 'draft'));
});

test('the ledger is a valid model', () => {
  assert.ok(fieldsOf('ledger').some(({ historize }) => historize?.mode === 'full'));
});

test('the films that the model refuses are the ones on the list', () => {
  const fields = fieldsOf('movies');
  const rows: Record<string, JsonValue>[] = JSON.parse(
    read('node_modules/vega-datasets/data/movies.json'),
  );
  const map: Record<string, string> = JSON.parse(read('docs/examples/movies.map.json'));
  const expected: { rejected: { row: number; errors: { pointer: string }[] }[]; accepted: number } =
    JSON.parse(read('docs/examples/movies.rejected.json'));
  const refused = rows.flatMap((row, index) => {
    const names = refusedFields(fields, row, map);
    return names.length === 0 ? [] : [[index + 1, names]];
  });
  const listed = expected.rejected.map(({ row, errors }) => [row, errors.map((e) => e.pointer)]);
  assert.deepEqual(refused, listed);
  assert.equal(rows.length - refused.length, expected.accepted);
});

test('no flight is refused', () => {
  const fields = fieldsOf('flights');
  const rows: Record<string, JsonValue>[] = JSON.parse(
    read('node_modules/vega-datasets/data/flights-20k.json'),
  );
  assert.equal(rows.length, 20_000);
  assert.ok(rows.every((row) => refusedFields(fields, row, {}).length === 0));
});
