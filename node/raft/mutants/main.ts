/**
 * `make raft-mutants`: plants faults into a copy of the core, one after the other, and
 * runs the suite until something notices; ends in `N of N mutants killed`.
 */
import { parseArgs } from 'node:util';
import { MUTANTS } from './catalogue.ts';
import type { Instrument, Verdict } from './instruments.ts';
import { listInstruments, tryInstrument } from './instruments.ts';
import type { Mutant } from './mutant.ts';
import { Workspace } from './workspace.ts';

const HELP = `Usage: make raft-mutants [ONLY=words] [SEEDS=200] [ALL=1]

Plants ${MUTANTS.length} faults into a copy of the consensus core and runs the suite on each.

  --only WORDS   only the mutants whose names contain these words
  --seeds N      how many seeds of raft-sim may be needed to notice a fault (200)
  --all          run every instrument on every mutant, and count what each one kills
  --help         show this text`;

interface Options {
  readonly only: string;
  readonly seeds: number;
  readonly all: boolean;
}

/** What the instruments have said about one mutant, in their order. */
interface Result {
  readonly mutant: Mutant;
  readonly verdicts: ReadonlyMap<string, Verdict>;
}

process.exitCode = await main();

async function main(): Promise<number> {
  try {
    const { values } = parseArgs({
      options: {
        only: { type: 'string', default: '' },
        seeds: { type: 'string', default: '200' },
        all: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) {
      console.log(HELP);
      return 0;
    }
    const { only, all } = values;
    return await run({ only, all, seeds: integer('--seeds', values.seeds) });
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    console.error(text.replaceAll('\n', ' '));
    return 2;
  }
}

function integer(option: string, text: string): number {
  if (/^[1-9][0-9]{0,5}$/.test(text)) return Number(text);
  throw new Error(`${option}: "${text}" is not an integer from 1 to 999999`);
}

async function run(options: Options): Promise<number> {
  const mutants = MUTANTS.filter(({ name }) => name.includes(options.only));
  if (mutants.length === 0) throw new Error(`no mutant is named "${options.only}"`);
  const workspace = new Workspace();
  try {
    const instruments = listInstruments(workspace.directory, options.seeds);
    // Before anything runs: every fault has a place, and the sound core passes.
    for (const mutant of mutants) workspace.plant(mutant)();
    await requireSound(instruments, workspace);
    const results: Result[] = [];
    for (const mutant of mutants) {
      results.push(await tryMutant(mutant, instruments, workspace, options.all));
    }
    return report(results, instruments, options.all);
  } finally {
    workspace.close();
  }
}

/** A suite that fails anyway would kill every mutant. */
async function requireSound(instruments: readonly Instrument[], workspace: Workspace) {
  for (const instrument of instruments) {
    const start = performance.now();
    const { verdict, output } = await tryInstrument(instrument, workspace.directory);
    instrument.soundMs = performance.now() - start;
    if (verdict === 'passed') continue;
    throw new Error(`without any mutant, ${instrument.name} ${verdict}:\n${output.slice(-3000)}`);
  }
}

async function tryMutant(
  mutant: Mutant,
  instruments: readonly Instrument[],
  workspace: Workspace,
  all: boolean,
): Promise<Result> {
  const restore = workspace.plant(mutant);
  const verdicts = new Map<string, Verdict>();
  const start = performance.now();
  try {
    for (const instrument of instruments) {
      const { verdict } = await tryInstrument(instrument, workspace.directory);
      verdicts.set(instrument.name, verdict);
      if (verdict !== 'passed' && !all) break;
    }
  } finally {
    restore();
  }
  const result = { mutant, verdicts };
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  const by = killers(result);
  const what = by.length > 0 ? `killed by ${by.join(', ')}` : 'SURVIVED';
  console.log(`${mutant.kind.padEnd(8)} ${mutant.name}: ${what} (${seconds} s)`);
  return result;
}

/** The instruments that noticed. */
function killers({ verdicts }: Result): string[] {
  return [...verdicts].flatMap(([name, verdict]) => {
    if (verdict === 'passed') return [];
    return verdict === 'stuck' ? `${name} (stuck)` : name;
  });
}

function report(
  results: readonly Result[],
  instruments: readonly Instrument[],
  all: boolean,
): number {
  const survivors = results.filter((result) => killers(result).length === 0);
  console.log('');
  for (const { name } of instruments) {
    const killed = results.filter(({ verdicts }) => (verdicts.get(name) ?? 'passed') !== 'passed');
    const safety = results.filter(({ mutant }) => mutant.kind === 'safety');
    const killedSafety = killed.filter(({ mutant }) => mutant.kind === 'safety');
    const share = all ? ` of ${results.length}` : '';
    const safetyShare = all ? `, ${killedSafety.length} of ${safety.length} about safety` : '';
    console.log(`${name.padEnd(16)} killed ${killed.length}${share}${safetyShare}`);
  }
  for (const { mutant } of survivors) console.log(`SURVIVED: ${mutant.name} (${mutant.danger})`);
  console.log(`${results.length - survivors.length} of ${results.length} mutants killed`);
  return survivors.length > 0 ? 1 : 0;
}
