import { once } from 'node:events';
import { EXIT } from '../cli-error.ts';
import type { CliCommand } from '../command-line.ts';
import { exportedRows } from '../export/index.ts';

/** `lithair export URL MODEL`: all rows as JSON lines. */
export const exportCommand: CliCommand = {
  name: 'export',
  positionals: 'URL MODEL',
  options: {},
  details: [
    'An API key or token is taken from the environment variable LITHAIR_TOKEN.',
    'One row on each line of standard output, in the order of the ids; lithair import takes the file',
    'back (.ndjson). Rows that change meanwhile are met as they were or as they are: for a moment',
    'that holds together, take a backup (lithair backup).',
    'Example: lithair export http://127.0.0.1:8080 Product > products.ndjson',
  ],
  async run(input) {
    const [urls = '', model = ''] = input.positionals;
    let count = 0;
    for await (const row of exportedRows(urls, model, undefined, tell)) {
      if (!process.stdout.write(`${row}\n`)) await once(process.stdout, 'drain');
      count += 1;
    }
    process.stderr.write(`${count} rows\n`);
    return EXIT.ok;
  },
};

function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}
