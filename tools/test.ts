/**
 * Runs the project's tests and ends in one line, `N passed, N failed`. Arguments narrow the run to
 * files whose path contains one of them. A run of no test at all is a failure.
 *
 * Tests of processes start the bundle, as an image does: it is made of the sources here, once, and a
 * process of it is ready in half the time.
 */
import { globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EventData } from 'node:test';
import { run } from 'node:test';
import { bundle, PROGRAMS } from '../images/bundle.ts';
import { requireNode24 } from './node-version.ts';

requireNode24();

const ROOTS = ['tools', 'crds', 'node', 'operator', 'images', 'e2e'];
const TESTS_OF_PROCESSES = 'node/test/';
const files = selectFiles(process.argv.slice(2));
const OPTIONS = {
  files,
  concurrency: 2,
  timeout: 20 * 60_000,
  execArgv: ['--import', new URL('property-seed.ts', import.meta.url).href],
};
const tally = { passed: 0, failed: 0, skipped: 0 };
const failures: string[] = [];

if (files.some((file) => file.startsWith(TESTS_OF_PROCESSES))) await makeProgram();
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

/** The tests find it by an environment variable; without it they start the sources. */
async function makeProgram(): Promise<void> {
  const program = PROGRAMS.find(({ entry }) => entry === 'node/cli/main.ts');
  if (program === undefined) throw new Error('there is no bundle of the command line');
  const directory = mkdtempSync(join(tmpdir(), 'lithair-program-'));
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
  await bundle(join(import.meta.dirname, '..'), program, directory);
  process.env['LITHAIR_PROGRAM'] = join(directory, 'app', program.output);
}

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
