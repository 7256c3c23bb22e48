/**
 * Runs the project's tests and ends in one line, `N passed, N failed`. Arguments narrow the run to
 * files whose path contains one of them. A run of no test at all is a failure.
 */
import { globSync } from 'node:fs';
import type { EventData } from 'node:test';
import { run } from 'node:test';
import { requireNode24 } from './node-version.ts';

requireNode24();

const ROOTS = ['tools', 'crds', 'node', 'operator', 'images', 'e2e'];
const files = selectFiles(process.argv.slice(2));
const OPTIONS = {
  files,
  concurrency: 2,
  timeout: 20 * 60_000,
  execArgv: ['--import', new URL('property-seed.ts', import.meta.url).href],
};
const tally = { passed: 0, failed: 0, skipped: 0 };
const failures: string[] = [];

for await (const event of run(OPTIONS)) {
  if (event.type === 'test:pass') onPass(event.data);
  if (event.type === 'test:fail') onFail(event.data);
  // What a test tells, not the runner's own totals, which belong to no file.
  if (event.type === 'test:diagnostic' && event.data.file !== undefined)
    print(`    ${event.data.message}`);
  if (event.type === 'test:stdout') process.stdout.write(event.data.message);
  if (event.type === 'test:stderr') process.stderr.write(event.data.message);
}
report();

function selectFiles(words: readonly string[]): string[] {
  const all = ROOTS.flatMap((root) => globSync(`${root}/**/*.test.ts`)).filter(
    (file) => !file.includes('node_modules'),
  );
  const chosen = words.length === 0 ? all : all.filter((f) => words.some((w) => f.includes(w)));
  if (chosen.length > 0) return chosen.sort();
  console.error('no test file matches');
  process.exit(1);
}

function onPass(data: EventData.TestPass): void {
  if (data.details.type === 'suite') return;
  const skipped = data.skip !== undefined && data.skip !== false;
  if (skipped) tally.skipped += 1;
  else tally.passed += 1;
  const mark = skipped ? 'skip' : ' ok ';
  const why = typeof data.skip === 'string' && data.skip !== '' ? ` (${data.skip})` : '';
  print(`${mark} ${place(data.file)} ${data.name}${why} ${data.details.duration_ms.toFixed(0)} ms`);
}

function onFail(data: EventData.TestFail): void {
  if (data.details.type === 'suite') return;
  tally.failed += 1;
  const text = `FAIL ${place(data.file)} ${data.name}\n${causeOf(data.details.error)}`;
  failures.push(text);
  print(text);
}

function causeOf(error: Error & { cause?: unknown }): string {
  const cause = error.cause instanceof Error ? error.cause : error;
  return (cause.stack ?? cause.message).replace(/^/gm, '     ');
}

function place(file: string | undefined): string {
  return file === undefined ? '' : file.replace(`${process.cwd()}/`, '');
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function report(): void {
  if (failures.length > 0) print(`\n${failures.length} failed:\n${failures.join('\n')}`);
  const skipped = tally.skipped > 0 ? `, ${tally.skipped} skipped` : '';
  print(`\n${tally.passed} passed, ${tally.failed} failed${skipped}`);
  process.exit(tally.failed > 0 || tally.passed === 0 ? 1 : 0);
}
