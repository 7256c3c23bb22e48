import { compileSchema } from '@lithair/crds';
import { EXIT } from '../cli-error.ts';
import type { CliCommand } from '../command-line.ts';
import { explainedQuery } from '../explained-query.ts';
import { readModel } from '../model-file.ts';

/** `lithair explain FILE QUERY`: which index answers a list. */
export const explainCommand: CliCommand = {
  name: 'explain',
  positionals: 'FILE QUERY',
  options: {},
  details: [
    'Says which index of the model answers a list, whether rows come in its order, and which',
    'conditions are looked at row by row. It asks no server: the model decides.',
    '',
    "Example: lithair explain shop.yaml '/api/products?status=live&price[gte]=10&sort=-price'",
  ],
  async run(input) {
    const [file = '', query = ''] = input.positionals;
    const read = await readModel(file);
    if (!read.ok) {
      process.stderr.write(`${read.lines.join('\n')}\n`);
      return EXIT.failed;
    }
    const lines = explainedQuery(compileSchema(read.model.spec), query);
    process.stdout.write(`${lines.join('\n')}\n`);
    return EXIT.ok;
  },
};
