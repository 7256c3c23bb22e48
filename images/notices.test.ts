import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { noticesOf } from './notices.ts';

const root = join(import.meta.dirname, '..');

test('each bundled package is named once, with its version and licence text', () => {
  const notices = noticesOf(root, [
    'node_modules/pino/pino.js',
    'node_modules/pino/lib/levels.js',
    'node_modules/@kubernetes/client-node/dist/index.js',
    'operator/main.ts',
  ]);
  assert.deepEqual(
    [...notices.matchAll(/^(@?[\w/-]+) \d+\.\d+\.\d+ \(([\w.-]+)\)$/gm)].map((m) => [m[1], m[2]]),
    [
      ['@kubernetes/client-node', 'Apache-2.0'],
      ['pino', 'MIT'],
    ],
  );
  assert.match(notices, /Permission is hereby granted/);
});
