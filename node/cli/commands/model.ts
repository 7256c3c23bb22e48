import { ADMIN_OPTIONS, askMember } from '../admin-connection.ts';
import { CliError, EXIT } from '../cli-error.ts';
import type { CliCommand } from '../command-line.ts';
import { readModel } from '../model-file.ts';

/** `lithair model FILE`: submits a changed model to a running cluster. */
export const modelCommand: CliCommand = {
  name: 'model',
  positionals: 'FILE',
  options: { ...ADMIN_OPTIONS, 'dry-run': { help: 'only say what would change' } },
  details: [
    'An additive change takes effect on all nodes at once; a breaking one is refused, exit 1.',
    'Example: lithair model shop.yaml --dry-run',
  ],
  async run(input) {
    const file = input.positionals[0] ?? '';
    const read = await readModel(file);
    if (!read.ok) throw new CliError(`${file} is not a valid model: ${read.lines.join('; ')}`);
    const { spec } = read.model;
    const answer = await askMember(input, (client) =>
      client.changeModel(spec, input.flag('dry-run')),
    );
    for (const change of answer.changes) process.stdout.write(`${change}\n`);
    process.stdout.write(`${answer.result}: schema version ${answer.schemaVersion}\n`);
    return EXIT.ok;
  },
};
