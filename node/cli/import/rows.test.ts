import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { rowsOfJsonArray } from './json-array.ts';
import type { Row } from './row.ts';
import { openRows } from './rows.ts';

let dir = '';
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'lithair-rows-'));
});
after(() => rm(dir, { recursive: true }));

async function all(rows: AsyncIterable<Row>): Promise<Row[]> {
  const found: Row[] = [];
  for await (const row of rows) found.push(row);
  return found;
}

async function* pieces(text: string, size: number): AsyncGenerator<string> {
  for (let i = 0; i < text.length; i += size) yield text.slice(i, i + size);
}

async function rowsOfFile(name: string, text: string): Promise<Row[]> {
  await writeFile(join(dir, name), text);
  return all((await openRows(join(dir, name))).rows);
}

test('a JSON array gives its elements, however the text is cut into chunks', async () => {
  const json = fc.array(fc.dictionary(fc.string(), fc.jsonValue()), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(
      json,
      fc.integer({ min: 1, max: 9 }),
      fc.boolean(),
      async (rows, size, pretty) => {
        const text = JSON.stringify(rows, null, pretty ? 2 : 0);
        const found = await all(rowsOfJsonArray(pieces(text, size)));
        assert.equal(
          JSON.stringify(found.map((row) => row.values)),
          JSON.stringify(JSON.parse(text)),
        );
      },
    ),
  );
});

test('a row knows the line that it starts on', async () => {
  const rows = await rowsOfFile('lines.json', '[\n  {"a": 1},\n\n  {"a":\n 2}, {"a": 3}\n]\n');
  assert.deepEqual(
    rows.map((row) => row.line),
    [2, 4, 5],
  );
});

test('a number keeps the digits that it was written with', async () => {
  const [row] = await rowsOfFile(
    'exact.json',
    '[{"a": 12345678901234567890, "b": 1.10, "c": 0.1}]',
  );
  assert.equal(JSON.stringify(row?.values), '{"a":12345678901234567890,"b":1.10,"c":0.1}');
});

test('what is not one JSON array is refused with its line', async () => {
  const bad: readonly (readonly [string, RegExp])[] = [
    ['{"a": 1}', /line 1: the file is not a JSON array/],
    ['[{"a": 1},\n]', /line 2: a row is missing behind the last comma/],
    ['[,{"a": 1}]', /a row is missing before a comma/],
    ['[{"a": 1}', /does not end/],
    ['[{"a": 1}] x', /text follows/],
  ];
  for (const [text, message] of bad) await assert.rejects(rowsOfFile('bad.json', text), message);
});

test('a row that is not valid JSON is a problem of that row alone', async () => {
  const rows = await rowsOfFile('rows.ndjson', '{"a": 1}\n\n{oops}\n7\n{"a": 2}');
  assert.deepEqual(
    rows.map((row) => [row.line, row.problem?.slice(0, 14) ?? null]),
    [
      [1, null],
      [3, 'must be JSON; '],
      [4, 'the row is not'],
      [5, null],
    ],
  );
});

test('a row with a repeated key is refused, and no value of it is chosen silently', async () => {
  const lines = [
    '{"a": 1, "a": 2}',
    '{"a": [{"b": 1,\t"b" : 2}]}',
    '{"a": ":\\"b\\":", "b": "\\\\"}',
  ];
  const rows = await rowsOfFile('twice.ndjson', lines.join('\n'));
  assert.deepEqual(
    rows.map((row) => row.problem),
    ['a: is there twice', 'a/0/b: is there twice', null],
  );
  const json = fc.dictionary(fc.string(), fc.jsonValue());
  await fc.assert(
    fc.asyncProperty(json, async (value) => {
      const text = JSON.stringify(value);
      const [row] = await all(rowsOfJsonArray(pieces(`[${text}]`, 9)));
      assert.equal(row?.problem, null, text);
    }),
  );
});

test('a byte order mark before the rows is passed over, in every format', async () => {
  const files = { 'mark.ndjson': '{"a":"1"}', 'mark.json': '[{"a":"1"}]', 'mark.csv': 'a\r\n1' };
  for (const [name, text] of Object.entries(files)) {
    const rows = await rowsOfFile(name, `\uFEFF${text}\r\n`);
    assert.equal(JSON.stringify(rows.map((row) => row.values)), '[{"a":"1"}]', name);
  }
});

test('two rows without a comma between them are one row that is not valid JSON', async () => {
  const rows = await rowsOfFile('comma.json', '[{"a": 1}\n{"a": 2}, {"a": 3}]');
  assert.deepEqual(
    rows.map((row) => row.problem === null),
    [false, true],
  );
});

test('CSV rows carry the header as columns and the line they start on', async () => {
  const rows = await rowsOfFile('rows.csv', 'name,note\n"a, b","two\nlines"\nc,\n');
  assert.deepEqual(
    rows.map((row) => [row.line, row.values]),
    [
      [2, { name: 'a, b', note: 'two\nlines' }],
      [4, { name: 'c', note: '' }],
    ],
  );
});

test('a CSV record of another length than the header is a row with a problem', async () => {
  const rows = await rowsOfFile('uneven.csv', 'name,note\na,b\nshort\nlong,b,c\nd,e\n');
  assert.deepEqual(
    rows.map(({ line, values, problem }) => [line, values, problem]),
    [
      [2, { name: 'a', note: 'b' }, null],
      [3, null, 'has another number of columns than the header'],
      [4, null, 'has another number of columns than the header'],
      [5, { name: 'd', note: 'e' }, null],
    ],
  );
});

test('a file of an unknown extension is refused', async () => {
  await writeFile(join(dir, 'rows.xml'), '');
  await assert.rejects(openRows(join(dir, 'rows.xml')), /told by the extension/);
});
