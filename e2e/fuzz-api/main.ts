/** The command `make fuzz-api`; see {@link HELP}. */
import { Fuzzer } from './fuzzer.ts';
import { HELP, type Options, parseOptions } from './options.ts';
import { ServedModel } from './served-model.ts';
import { type Subject, subjects } from './subjects.ts';

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
    console.error(`fuzz-api: ${messageOf(error)}`);
    return 1;
  }
}

async function fuzzAll(chosen: readonly Subject[], options: Options): Promise<number> {
  const fuzzer = new Fuzzer();
  let failed = 0;
  for (const [at, subject] of chosen.entries()) {
    const isGood = await fuzz(fuzzer, subject, { ...options, seed: options.seed + at });
    if (!isGood) failed += 1;
  }
  console.log(`fuzz-api: ${chosen.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

async function fuzz(fuzzer: Fuzzer, subject: Subject, options: Options): Promise<boolean> {
  const startedMs = performance.now();
  const served = await ServedModel.start(subject.model);
  try {
    const { examples, seed } = options;
    const { url } = served;
    const { name, apiKey } = subject;
    console.log(` ..  ${name}: begins, seed ${seed}`);
    const onProgress = (text: string): void =>
      console.log(` ..  ${name}: ${text}, ${secondsSince(startedMs)} s`);
    const { code, output } = await fuzzer.run({ url, apiKey, examples, seed, onProgress });
    // A node that fell over must not pass as one of which nothing was found.
    const isServing = await served.isReady();
    const cases = /(\d+) generated/.exec(output)?.[1];
    const isGood = code === 0 && isServing && cases !== undefined;
    const told = `${name}: ${cases ?? 'no'} cases in ${secondsSince(startedMs)} s, seed ${seed}`;
    console.log(isGood ? ` ok  ${told}` : `FAIL ${told}\n${output}`);
    if (!isServing) console.log(`the node does not serve any more:\n${served.lastLines()}`);
    return isGood;
  } finally {
    await served.stop();
  }
}

function secondsSince(startedMs: number): string {
  return ((performance.now() - startedMs) / 1000).toFixed(0);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
