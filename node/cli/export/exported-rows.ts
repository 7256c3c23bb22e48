import { CliError } from '../cli-error.ts';
import { Api, findTarget } from '../import/index.ts';

/**
 * All rows of a model in the order of its ids, as the lines that the API sends: at the pace of who
 * takes them. Where the answer is cut, another node goes on behind the last row.
 *
 * @throws CliError where the server does not answer for a minute, or does not serve the model
 */
export async function* exportedRows(urls: string, model: string): AsyncGenerator<string> {
  const api = new Api(urls);
  const { path, primaryKey } = await findTarget(api, model);
  const key = encodeURIComponent(primaryKey);
  for (let last: string | null = null; ; ) {
    const behind: string =
      last === null ? '' : `&${key}[gt]=${encodeURIComponent(keyIn(last, primaryKey))}`;
    const lines = api.lines(`${path}?sort=${key}${behind}`);
    let line = await lines.next();
    for (; line.done !== true; line = await lines.next()) {
      yield line.value;
      last = line.value;
    }
    if (line.value === 'whole') return;
  }
}

function keyIn(line: string, primaryKey: string): string {
  const row: unknown = JSON.parse(line);
  const value: unknown =
    typeof row === 'object' && row !== null ? Reflect.get(row, primaryKey) : null;
  if (typeof value === 'string') return value;
  throw new CliError(`a row has no ${primaryKey} to go on behind`);
}
