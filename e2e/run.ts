/**
 * End-to-end tests on a k3d cluster of their own.
 *
 *   node e2e/run.ts [part of a file's name ...]
 *
 * Environment: K3S_IMAGE (rancher/k3s:v1.34.4-k3s1), E2E_KEEP=1 keeps the cluster, DOCKER (docker).
 * The images `lithair/node:dev` and `lithair/operator:dev` must exist: `make images`.
 */
import { globSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { EventData } from 'node:test';
import { run } from 'node:test';
import { diagnose, nameCluster } from './cluster/index.ts';

const major = Number(process.versions.node.split('.')[0]);
if (major < 24) {
  console.error(`Node 24 or later is needed, this is ${process.version}: run this through make`);
  process.exit(2);
}

const folder = join(import.meta.dirname, 'behaviours');
const words = process.argv.slice(2);
const files = globSync(join(folder, '*.e2e.ts'))
  .filter((file) => words.length === 0 || words.some((word) => basename(file).includes(word)))
  .sort();
if (files.length === 0) {
  console.error('e2e: no file matches');
  process.exit(1);
}

const tally = { passed: 0, failed: 0 };
const failures: string[] = [];
const startedMs = performance.now();
const cluster = nameCluster();
let closing: Promise<void> | null = null;
let interrupted = false;
const stop = new AbortController();

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    console.error(`e2e: ${signal}, cleaning up`);
    interrupted = true;
    stop.abort();
    void close().finally(() => process.exit(130));
  });
}

try {
  await cluster.create();
  await runFiles();
} catch (error) {
  tally.failed += 1;
  console.error(`e2e: ${error instanceof Error ? error.message : String(error)}`);
  if (closing === null) console.error(diagnose(cluster));
} finally {
  await close();
  if (interrupted) process.exit(130);
}

const minutes = ((performance.now() - startedMs) / 60_000).toFixed(1);
for (const failure of failures) console.log(failure);
console.log(`e2e: ${tally.passed} passed, ${tally.failed} failed in ${minutes} min`);
process.exit(tally.failed === 0 && tally.passed > 0 ? 0 : 1);

async function runFiles(): Promise<void> {
  const stream = run({ files, concurrency: 1, timeout: 15 * 60_000, signal: stop.signal });
  for await (const event of stream) {
    if (event.type === 'test:pass') onPass(event.data);
    if (event.type === 'test:fail') onFail(event.data);
    if (event.type === 'test:stdout') process.stdout.write(event.data.message);
    if (event.type === 'test:stderr') process.stderr.write(event.data.message);
  }
}

function onPass(data: EventData.TestPass): void {
  if (data.details.type === 'suite') return;
  tally.passed += 1;
  console.log(` ok  ${data.name} (${(data.details.duration_ms / 1000).toFixed(1)} s)`);
}

function onFail(data: EventData.TestFail): void {
  if (data.details.type === 'suite') return;
  tally.failed += 1;
  const { error } = data.details;
  const cause: unknown = error.cause ?? error;
  const text = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
  failures.push(`FAIL ${data.name}\n${text}`);
  console.log(`FAIL ${data.name}\n${text}`);
}

/** Takes the cluster away once, however the run ends. */
function close(): Promise<void> {
  closing ??= cluster.remove();
  return closing;
}
