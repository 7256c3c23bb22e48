import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { NODE_ENVIRONMENT, NODE_FLAGS } from './bundle.ts';

const dockerfile = readFileSync(join(import.meta.dirname, 'node.Dockerfile'), 'utf8');

test('the image of the node runs as benchmarks do', () => {
  const entrypoint = /^ENTRYPOINT (\[.*\])$/m.exec(dockerfile)?.[1] ?? '[]';
  assert.deepEqual(JSON.parse(entrypoint), ['/nodejs/bin/node', ...NODE_FLAGS]);
  const environment = /^ENV (.*)$/m.exec(dockerfile)?.[1]?.split(' ') ?? [];
  const declared = Object.entries(NODE_ENVIRONMENT).map(([name, value]) => `${name}=${value}`);
  assert.deepEqual(environment, ['NODE_ENV=production', ...declared]);
});
