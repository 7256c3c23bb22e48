/**
 * `make model-mutants`: takes the enforcement of one attribute of the language after the other out
 * of a copy of the project, and runs the tests that must notice; ends in `N of N mutants killed`.
 */
import { parseArgs } from 'node:util';
import { resourceShape } from '../../crds/src/language.ts';
import { attributePaths } from './attributes.ts';
import { MUTANTS } from './catalogue.ts';
import type { Mutant } from './mutant.ts';
import { type Trial, tryTests } from './trial.ts';
import { Workspace } from './workspace.ts';

const HELP = `Usage: make model-mutants [ONLY=words] [WORKERS=2]

Takes the enforcement of each attribute of the language out of a copy of the project (${MUTANTS.length}
mutants of ${attributePaths(resourceShape).length} attributes), and runs the tests that must notice.

  --only WORDS    only the mutants whose attribute or fault contains these words
  --workers N     how many are tried at a time (2)
  --list          show the mutants and try none
  --help          show this text`;

/** A run that ends neither way is told from a slow machine by this many times its usual length. */
const PATIENCE = 10;
const LEAST_PATIENCE_MS = 60_000;

interface Result {
  readonly mutant: Mutant;
  readonly killer: { readonly file: string; readonly trial: Trial } | null;
  readonly elapsedMs: number;
}

process.exitCode = await main();

async function main(): Promise<number> {
  try {
    const { values } = parseArgs({
      options: {
        only: { type: 'string', default: '' },
        workers: { type: 'string', default: '2' },
        list: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    const { only, help, list, workers } = values;
    if (help) return print(HELP);
    const mutants = MUTANTS.filter(({ attribute, fault }) =>
      `${attribute} ${fault}`.includes(only),
    );
    if (mutants.length === 0) throw new Error(`no mutant is about "${only}"`);
    if (list) return print(mutants.map((each) => `${each.attribute}: ${each.fault}`).join('\n'));
    if (only === '') requireAll();
    return await run(mutants, countOf(workers));
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    console.error(text);
    return 2;
  }
}

function print(text: string): number {
  console.log(text);
  return 0;
}

function countOf(text: string): number {
  if (/^([1-9]|1[0-6])$/.test(text)) return Number(text);
  throw new Error(`--workers: "${text}" is not an integer from 1 to 16`);
}

function requireAll(): void {
  const known = new Set(MUTANTS.map(({ attribute }) => attribute));
  const missing = attributePaths(resourceShape).filter((path) => !known.has(path));
  if (missing.length === 0) return;
  throw new Error(`no mutant takes the enforcement of ${missing.join(', ')} away`);
}

async function run(mutants: readonly Mutant[], workers: number): Promise<number> {
  const startedMs = performance.now();
  const spaces = Array.from({ length: Math.min(workers, mutants.length) }, () => new Workspace());
  try {
    // Before anything runs: every mutant has a place, and the tests pass without any.
    for (const mutant of mutants) spaces[0]?.plant(mutant)();
    const soundMs = await requireSound(mutants, spaces);
    const results: Result[] = [];
    await share(mutants, spaces, async (mutant, space) => {
      const result = await tryMutant(mutant, space, soundMs);
      results.push(result);
      console.log(`${String(results.length).padStart(4)}/${mutants.length} ${lineOf(result)}`);
    });
    return summary(results, performance.now() - startedMs);
  } finally {
    for (const space of spaces) space.close();
  }
}

/** Hands the items out to whoever is free. */
async function share<T>(
  items: readonly T[],
  spaces: readonly Workspace[],
  work: (item: T, space: Workspace) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  await Promise.all(
    spaces.map(async (space) => {
      for (const item of queue) await work(item, space);
    }),
  );
}

/** Tests that fail anyway would kill every mutant. How long each file takes, in milliseconds. */
async function requireSound(
  mutants: readonly Mutant[],
  spaces: readonly Workspace[],
): Promise<ReadonlyMap<string, number>> {
  const files = [...new Set(mutants.flatMap(({ tests }) => tests))];
  console.log(`without any mutant: ${files.length} test files`);
  const soundMs = new Map<string, number>();
  await share(files, spaces, async (file, space) => {
    const { verdict, told, elapsedMs } = await tryTests(space, file, PATIENCE * LEAST_PATIENCE_MS);
    soundMs.set(file, elapsedMs);
    if (verdict !== 'passed') throw new Error(`without any mutant, ${file} ${verdict}: ${told}`);
  });
  return soundMs;
}

async function tryMutant(
  mutant: Mutant,
  space: Workspace,
  soundMs: ReadonlyMap<string, number>,
): Promise<Result> {
  const startedMs = performance.now();
  const restore = space.plant(mutant);
  try {
    for (const file of mutant.tests) {
      const patienceMs = Math.max(LEAST_PATIENCE_MS, PATIENCE * (soundMs.get(file) ?? 0));
      const trial = await tryTests(space, file, patienceMs);
      if (trial.verdict === 'broken') {
        const { attribute, fault } = mutant;
        throw new Error(`${attribute} ("${fault}") breaks ${file} altogether: ${trial.told}`);
      }
      const elapsedMs = performance.now() - startedMs;
      if (trial.verdict !== 'passed') return { mutant, killer: { file, trial }, elapsedMs };
    }
    return { mutant, killer: null, elapsedMs: performance.now() - startedMs };
  } finally {
    restore();
  }
}

function lineOf({ mutant, killer, elapsedMs }: Result): string {
  const seconds = `${(elapsedMs / 1000).toFixed(1)} s`;
  const what = `${mutant.attribute} (${mutant.fault})`;
  if (killer === null) return `SURVIVED ${what}: ${mutant.tests.join(', ')} (${seconds})`;
  return `killed ${what}: ${killer.file}: ${killer.trial.told.split('\n')[0]} (${seconds})`;
}

function summary(results: readonly Result[], elapsedMs: number): number {
  const survivors = results.filter(({ killer }) => killer === null);
  const attributes = new Set(results.map(({ mutant }) => mutant.attribute)).size;
  console.log('');
  for (const survivor of survivors) console.log(lineOf(survivor));
  const killed = results.length - survivors.length;
  const seconds = (elapsedMs / 1000).toFixed(0);
  console.log(
    `${killed} of ${results.length} mutants of ${attributes} attributes killed, in ${seconds} s`,
  );
  return survivors.length > 0 ? 1 : 0;
}
