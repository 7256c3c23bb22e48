import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('replicated-list.ts', import.meta.url));
const readme = new URL('../README.md', import.meta.url);

it('the example keeps three lists equal', () => {
  const run = spawnSync(process.execPath, [program], { encoding: 'utf8' });
  assert.equal(run.stdout, '1: hello world\n2: hello world\n3: hello world\n', run.stderr);
});

it('the example is the one in the README', () => {
  assert.ok(readFileSync(readme, 'utf8').includes(readFileSync(program, 'utf8').trim()));
});
