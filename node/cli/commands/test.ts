import { CliError, EXIT } from '../cli-error.ts';
import type { CliCommand } from '../command-line.ts';
import { readModel } from '../model-file.ts';

/** `lithair test FILE`: tests that follow from the model, run against a throw-away node. */
export const testCommand: CliCommand = {
  name: 'test',
  positionals: 'FILE',
  options: {
    filter: { value: 'TEXT', help: 'only tests whose model or name contains this' },
    json: { help: 'one JSON document instead of lines' },
  },
  details: [
    'Starts a node on loopback with a directory of its own, and tries what the model declares: values',
    'at their boundaries, keys, unique values, references, rules, history, and who may do what.',
    'What no row was found for is told as "not derived", and never counted as passed.',
    'Exits 1 where a test fails. Example: lithair test docs/examples/shop.yaml --filter Product',
  ],
  async run(input) {
    const file = input.positionals[0] ?? '';
    const read = await readModel(file);
    if (!read.ok) throw new CliError(`${file} is not a valid model: ${read.lines.join('; ')}`);
    const { jsonReport, runModelTests, spokenReport } = await import('../model-tests/index.ts');
    const report = input.flag('json') ? jsonReport(print) : spokenReport(print);
    await runModelTests(read.model.spec, { filter: input.text('filter') ?? '', report });
    return report.end() ? EXIT.ok : EXIT.failed;
  },
};

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
