/** The command `make fuzz-api`; see {@link HELP}. */
import { Fuzzer } from './fuzzer.ts';
import { HELP, type Options, parseOptions } from './options.ts';
import { fuzz } from './run.ts';
import { type Subject, subjects } from './subjects.ts';

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
process.exit(await main(process.argv.slice(2)));

async function main(words: readonly string[]): Promise<number> {
  let options: Options;
  try {
    options = parseOptions(words);
  } catch (error) {
    console.error(`fuzz-api: ${messageOf(error)}`);
    return 2;
  }
  if (options.help) {
    console.log(HELP);
    return 0;
  }
  const chosen = subjects().filter(({ name }) => name.includes(options.only));
  if (chosen.length === 0) {
    console.error(`fuzz-api: no run has "${options.only}" in its name`);
    return 2;
  }
  try {
    return await fuzzAll(chosen, options);
  } catch (error) {
    console.error(`fuzz-api: ${stop.signal.aborted ? 'interrupted' : messageOf(error)}`);
    return stop.signal.aborted ? 130 : 1;
  }
}

async function fuzzAll(chosen: readonly Subject[], options: Options): Promise<number> {
  const fuzzer = new Fuzzer();
  let failed = 0;
  for (const [at, subject] of chosen.entries()) {
    const seeded = { ...options, seed: options.seed + at };
    const isGood = await fuzz(fuzzer, subject, seeded, stop.signal);
    if (!isGood) failed += 1;
  }
  console.log(`fuzz-api: ${chosen.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
