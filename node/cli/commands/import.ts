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
    progress: { value: 'FILE', help: 'where to keep what is through (default: beside FILE)' },
    restart: { help: 'begin anew, whatever an earlier run got through' },
  },
  details: [
    'The format is told by the extension: .json (an array), .ndjson or .jsonl, .csv (with a header).',
    'Every column of a CSV file must be a field, become one (--map), or be left out (--drop).',
    'An API key or token is taken from the environment variable LITHAIR_TOKEN.',
    'URL may name several nodes, separated by commas; a node that goes away is waited for, and no',
    'row is sent twice. Rows that were refused, or whose id is taken, are listed on standard output',
    'with line and reason; exit 1 where one was refused. Rows may refer to later ones of the file.',
    'Where it is cut off, run the same command again: it goes on behind what is through, and sends',
    'what was under way again in a way that does nothing twice (for as long as store.idempotency',
    'says, a day by itself). The file FILE.MODEL.import keeps that, also over a power cut, and goes',
    'when all is through. --restart removes it; a file that is no such progress is never touched.',
    'Example: lithair import http://127.0.0.1:8080 Movie movies.json --map "US Gross=usGross"',
  ],
  async run(input) {
    const [urls = '', model = '', file = ''] = input.positionals;
    const mapping = parseMapping(
      input.texts('map'),
      input.texts('drop'),
      input.text('key') ?? null,
    );
    process.once('SIGINT', stopped);
    const { accepted, present, rejected } = await runImport({
      urls,
      model,
      file,
      mapping,
      progress: process.stderr,
      journal: input.text('progress') ?? null,
      restart: input.flag('restart'),
    });
    for (const { line, number } of present) {
      process.stdout.write(`${file}:${line}: row ${number} is already there\n`);
    }
    for (const { line, number, reason } of rejected) {
      process.stdout.write(`${file}:${line}: row ${number}: ${reason}\n`);
    }
    const there = present.length > 0 ? `, ${present.length} already there` : '';
    process.stderr.write(`${accepted} accepted${there}, ${rejected.length} rejected\n`);
    return rejected.length === 0 ? EXIT.ok : EXIT.failed;
  },
};

/** What is through is kept beside the file. The second signal, its own, ends the process. */
function stopped(): void {
  process.stderr.write('\nstopped; run the same command again to go on\n');
  process.kill(process.pid, 'SIGINT');
}
