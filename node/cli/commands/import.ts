import { EXIT } from '../cli-error.ts';
import type { CliCommand } from '../command-line.ts';
import { runImport } from '../import/index.ts';
import { parseMapping } from '../import/mapping.ts';

/** `lithair import URL MODEL FILE`: rows of a file become aggregates; refusals are listed. */
export const importCommand: CliCommand = {
  name: 'import',
  positionals: 'URL MODEL FILE',
  options: {
    map: { value: 'COLUMN=FIELD', repeatable: true, help: 'a column that becomes another field' },
    drop: { value: 'COLUMN', repeatable: true, help: 'a column to leave out' },
    key: { value: 'FIELD', help: 'make the id from this field, so that a second run adds nothing' },
  },
  details: [
    'The format is told by the extension: .json (an array), .ndjson or .jsonl, .csv (with a header).',
    'An API key or token is taken from the environment variable LITHAIR_TOKEN.',
    'URL may name several nodes, separated by commas; a node that goes away is waited for, and no',
    'row is sent twice. Refused rows are listed on standard output with line and reason; exit 1.',
    'Example: lithair import http://127.0.0.1:8080 Movie movies.json --map "US Gross=usGross"',
  ],
  async run(input) {
    const [urls = '', model = '', file = ''] = input.positionals;
    const mapping = parseMapping(
      input.texts('map'),
      input.texts('drop'),
      input.text('key') ?? null,
    );
    const report = await runImport({ urls, model, file, mapping, progress: process.stderr });
    for (const row of report.rejections) {
      process.stdout.write(`${file}:${row.line}: row ${row.number}: ${row.reason}\n`);
    }
    const present = report.present > 0 ? `, ${report.present} already there` : '';
    process.stderr.write(`${report.accepted} accepted${present}, ${report.rejected} rejected\n`);
    return report.rejected === 0 ? EXIT.ok : EXIT.failed;
  },
};
