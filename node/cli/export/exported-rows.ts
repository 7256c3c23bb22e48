import { setTimeout as pause } from 'node:timers/promises';
import { CliError } from '../cli-error.ts';
import { Api, findTarget } from '../import/index.ts';

const GIVES_UP_AFTER_MS = 60_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;

/**
 * All rows of a model in the order of its ids, as the lines that the API sends: at the pace of who
 * takes them. Where the answer is cut, another node goes on behind the last row.
 *
 * @param tell says that nobody answers yet
 * @param givesUpAfterMs how long answers may be cut before a further row
 * @throws CliError where the server does not answer for a minute, or all answers are cut before a
 *   further row for as long, or it does not serve the model
 */
export async function* exportedRows(
  urls: string,
  model: string,
  givesUpAfterMs = GIVES_UP_AFTER_MS,
  tell: (line: string) => void = () => {},
): AsyncGenerator<string> {
  const api = new Api(urls, tell);
  const { path, primaryKey } = await findTarget(api, model);
  const key = encodeURIComponent(primaryKey);
  let pauseMs = FIRST_PAUSE_MS;
  let movedMs = performance.now();
  for (let last: string | null = null; ; ) {
    const behind: string =
      last === null ? '' : `&${key}[gt]=${encodeURIComponent(keyIn(last, primaryKey))}`;
    const lines = api.lines(`${path}?sort=${key}${behind}`);
    let line = await lines.next();
    for (; line.done !== true; line = await lines.next()) {
      yield line.value;
      last = line.value;
      // Once it has been taken: who takes rows may be slow.
      movedMs = performance.now();
      pauseMs = FIRST_PAUSE_MS;
    }
    if (line.value === 'whole') return;
    if (performance.now() - movedMs > givesUpAfterMs) throw cutFor(urls, givesUpAfterMs);
    await pause(pauseMs);
    pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
  }
}

function cutFor(urls: string, ms: number): CliError {
  return new CliError(`${urls}: all answers were cut, without a further row, for ${ms / 1000} s`);
}

function keyIn(line: string, primaryKey: string): string {
  const row: unknown = JSON.parse(line);
  const value: unknown =
    typeof row === 'object' && row !== null ? Reflect.get(row, primaryKey) : null;
  if (typeof value === 'string') return value;
  throw new CliError(`a row has no ${primaryKey} to go on behind`);
}
