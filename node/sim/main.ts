import { HELP, readCommandLine, type SimOptions } from './command-line.ts';
import { Figures } from './figures.ts';
import { REGRESSIONS } from './regressions.ts';
import { type RunReport, runSeed } from './run.ts';
import { runInWorkers } from './workers.ts';

const PROGRESS_MS = 10_000;

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  try {
    const options = readCommandLine(args);
    if (options === null) {
      print(HELP);
      return 0;
    }
    return options.seed === null ? await runMany(options) : await runOne(options.seed, options);
  } catch (error) {
    process.stderr.write(`sim: ${error instanceof Error ? error.message : String(error)}\n`);
    return 2;
  }
}

async function runOne(seed: number, { quiet }: SimOptions): Promise<number> {
  const figures = new Figures(performance.now());
  const report = await runSeed(seed, quiet ? {} : { onLine: print });
  figures.add(report);
  const { plan } = report;
  print(`\nplan: ${JSON.stringify(plan)}`);
  print(figures.summary(performance.now()));
  print(`trace hash ${report.traceHash}`);
  if (report.failure === null) return 0;
  print(`\nseed ${seed} FAILED\n${report.failure}`);
  return 1;
}

async function runMany({ first, seeds, processes }: SimOptions): Promise<number> {
  const figures = new Figures(performance.now());
  const failed: number[] = [];
  let toldMs = performance.now();
  const chosen = Array.from({ length: seeds }, (_, at) => first + at);
  const known = REGRESSIONS.map(({ seed }) => seed).filter((seed) => !chosen.includes(seed));
  await runInWorkers([...known, ...chosen], processes, (report) => {
    figures.add(report);
    if (report.failure !== null) {
      failed.push(report.seed);
      print(describe(report));
    }
    if (performance.now() - toldMs < PROGRESS_MS) return;
    toldMs = performance.now();
    print(figures.progress(toldMs, failed.length));
  });
  print(figures.summary(performance.now()));
  print(`${figures.runs - failed.length} passed, ${failed.length} failed`);
  for (const seed of failed) print(`make sim SEED=${seed}`);
  return failed.length === 0 ? 0 : 1;
}

function describe({ seed, failure, end }: RunReport): string {
  const command = `show it again: make sim SEED=${seed}`;
  return `\nseed ${seed} FAILED (${command})\n${end.join('\n')}\n${failure}\n${command}\n`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
