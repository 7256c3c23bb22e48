import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { PROBLEMS } from './index.ts';

const text = await readFile(new URL('../../docs/api.md', import.meta.url), 'utf8');
const rows = text.split('\n').filter((line) => /^\| [45]\d\d/.test(line));

test('docs/api.md has every code of a problem beside its status', () => {
  for (const [code, { status }] of Object.entries(PROBLEMS)) {
    const row = rows.find((line) => line.split('|')[1]?.includes(String(status)));
    assert.ok(row?.includes(`\`${code}\``), `${status} ${code}`);
  }
});

test('docs/api.md has no code that no problem has', () => {
  const named = rows.flatMap((row) => [...(row.split('|')[2] ?? '').matchAll(/`([a-z_]+)`/g)]);
  assert.ok(named.length >= Object.keys(PROBLEMS).length);
  for (const [, code = ''] of named) assert.ok(code in PROBLEMS, code);
});
