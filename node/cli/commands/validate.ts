import { EXIT } from '../cli-error.ts';
import type { CliCommand } from '../command-line.ts';
import { readModel } from '../model-file.ts';

/** `lithair validate FILE`: every problem as `file:line:column: message`, exit 1 if there is any. */
export const validateCommand: CliCommand = {
  name: 'validate',
  positionals: 'FILE',
  options: {},
  details: ['Example: lithair validate docs/examples/shop.yaml'],
  async run(input) {
    const file = input.positionals[0] ?? '';
    const read = await readModel(file);
    if (!read.ok) {
      process.stderr.write(`${read.lines.join('\n')}\n`);
      return EXIT.failed;
    }
    const names = read.model.spec.models.map((model) => model.name).join(', ');
    process.stdout.write(`${file}: valid: ${names}\n`);
    for (const warning of read.warnings) process.stderr.write(`${warning}\n`);
    return EXIT.ok;
  },
};
