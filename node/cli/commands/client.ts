import { basename } from 'node:path';
import { compileSchema } from '@lithair/crds';
import { CliError, EXIT } from '../cli-error.ts';
import { generateClient } from '../client/index.ts';
import type { CliCommand } from '../command-line.ts';
import { readModel } from '../model-file.ts';
import { replaceFile } from '../write-file.ts';

/** `lithair client FILE`: a typed client for TypeScript. */
export const clientCommand: CliCommand = {
  name: 'client',
  positionals: 'FILE',
  options: {
    out: { value: 'FILE', short: 'o', help: 'where to write it (default: standard output)' },
  },
  details: [
    'One file without dependencies, for browsers, Node, Deno and Bun: types of every model, and a',
    'client that repeats requests with idempotency keys until their outcome is known.',
    'Example: lithair client docs/examples/shop.yaml --out src/shop.ts',
  ],
  async run(input) {
    const file = input.positionals[0] ?? '';
    const read = await readModel(file);
    if (!read.ok) throw new CliError(`${file} is not a valid model: ${read.lines.join('; ')}`);
    const source = generateClient(compileSchema(read.model.spec), basename(file));
    const out = input.text('out');
    if (out === undefined) process.stdout.write(source);
    else await replaceFile(out, source);
    return EXIT.ok;
  },
};
