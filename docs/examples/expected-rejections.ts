// Writes movies.rejected.json from facts about the source alone: it knows nothing of the validator.
// A title must be text; the data ends in 2011, so a later year is a wrong century.
//
//   node docs/examples/expected-rejections.ts [--check]
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const LAST_YEAR = 2011;
const source = new URL('../../node_modules/vega-datasets/data/movies.json', import.meta.url);
const target = fileURLToPath(new URL('movies.rejected.json', import.meta.url));

const text = readFileSync(source, 'utf8');
const rows: Record<string, unknown>[] = JSON.parse(text);
const lines = text.split('\n');

function errorsOf(row: Record<string, unknown>): { pointer: string; reason: string }[] {
  const errors: { pointer: string; reason: string }[] = [];
  const title = row['Title'];
  if (title === null) errors.push({ pointer: '/title', reason: 'null' });
  else if (typeof title !== 'string') errors.push({ pointer: '/title', reason: 'type' });
  if (Number(String(row['Release Date']).slice(-4)) > LAST_YEAR) {
    errors.push({ pointer: '/releaseDate', reason: 'pattern' });
  }
  return errors;
}

const rejected = rows.flatMap((row, index) => {
  const errors = errorsOf(row);
  if (errors.length === 0) return [];
  // The file has one film per line, after a line that holds only the bracket.
  const line = index + 2;
  assert.ok(lines[line - 1]?.includes(`"Title": ${JSON.stringify(row['Title'])}`));
  return [{ row: index + 1, line, title: row['Title'], releaseDate: row['Release Date'], errors }];
});

const summary = {
  source: 'vega-datasets/data/movies.json',
  rows: rows.length,
  accepted: rows.length - rejected.length,
  rejected,
};
const json = `${JSON.stringify(summary, null, 2)}\n`;

if (!process.argv.includes('--check')) writeFileSync(target, json);
else assert.deepEqual(JSON.parse(readFileSync(target, 'utf8')), summary);
