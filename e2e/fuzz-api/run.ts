import type { Fuzzer } from './fuzzer.ts';
import type { Options } from './options.ts';
import { ServedModel } from './served-model.ts';
import type { Subject } from './subjects.ts';

/**
 * Fuzzes one model, and says on the console what came of it. Resolves to whether nothing was found.
 *
 * @throws the reason of the signal where the run is interrupted; the node is gone then
 */
export async function fuzz(
  fuzzer: Pick<Fuzzer, 'run'>,
  { name, model, apiKey }: Subject,
  { examples, seed }: Pick<Options, 'examples' | 'seed'>,
  signal: AbortSignal,
): Promise<boolean> {
  const startedMs = performance.now();
  const served = await ServedModel.start(model);
  try {
    console.log(` ..  ${name}: begins, seed ${seed}`);
    const onProgress = (text: string): void =>
      console.log(` ..  ${name}: ${text}, ${secondsSince(startedMs)} s`);
    const { url } = served;
    const { code, output } = await fuzzer.run({ url, apiKey, examples, seed, onProgress, signal });
    // What was cut short is no finding, and none of nothing either.
    signal.throwIfAborted();
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
