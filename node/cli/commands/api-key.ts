import { API_KEY_BYTES, apiKeyHash, apiKeyOf } from '../../auth/index.ts';
import { systemRandom } from '../../world.ts';
import { CliError, EXIT } from '../cli-error.ts';
import type { CliCommand } from '../command-line.ts';

const NAME = /^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/;
const ROLE = /^[A-Z][A-Za-z0-9]{0,62}$/;

/** `lithair api-key NAME`: a new key for a program, and what the model says of it. */
export const apiKeyCommand: CliCommand = {
  name: 'api-key',
  positionals: 'NAME',
  options: {
    role: { value: 'ROLE', repeatable: true, help: 'a role of the holder; may be given again' },
  },
  details: [
    'The key is printed on standard output, and nowhere else: the model holds its hash alone. What to',
    'put into the model is printed on standard error.',
    'Example: KEY=$(lithair api-key importer --role Manager)',
  ],
  run(input) {
    const [name = ''] = input.positionals;
    const roles = input.texts('role');
    if (!NAME.test(name)) {
      const rule = 'small letters, digits and inner dashes';
      throw new CliError(`the name of a key has ${rule}; ${name} does not`, EXIT.usage);
    }
    const wrong = roles.find((role) => !ROLE.test(role));
    if (wrong !== undefined) {
      throw new CliError(`a role starts with a capital letter; ${wrong} does not`, EXIT.usage);
    }
    const key = apiKeyOf(systemRandom.fill(new Uint8Array(API_KEY_BYTES)));
    process.stdout.write(`${key}\n`);
    const entry = `{name: ${name}, sha256: ${apiKeyHash(key)}, roles: [${roles.join(', ')}]}`;
    process.stderr.write(
      `spec:\n  auth:\n    mode: tokens\n    apiKeys:\n      keys:\n        - ${entry}\n`,
    );
    return Promise.resolve(EXIT.ok);
  },
};
