/**
 * `node node/state/bench/main.ts [rows] [flags of node]`: bundles `million.ts` and runs it as a node
 * runs in its image, without the compiler and the sources in memory.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundle, NODE_ENVIRONMENT, NODE_FLAGS } from '../../../images/bundle.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const words = process.argv.slice(2);
const flags = words.filter((word) => word.startsWith('--'));
const rest = words.filter((word) => !word.startsWith('--'));

const directory = await mkdtemp(join(tmpdir(), 'lithair-bench-state-'));
try {
  const entry = 'node/state/bench/million.ts';
  await bundle(ROOT, { name: 'node', entry, output: 'million.mjs' }, directory);
  const program = join(directory, 'app', 'million.mjs');
  const child = spawn(process.execPath, [...NODE_FLAGS, ...flags, program, ...rest], {
    stdio: 'inherit',
    env: { ...process.env, ...NODE_ENVIRONMENT },
  });
  process.exitCode = await new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
} finally {
  await rm(directory, { recursive: true, force: true });
}
