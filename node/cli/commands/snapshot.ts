import { ADMIN_OPTIONS, askMember } from '../admin-connection.ts';
import { EXIT } from '../cli-error.ts';
import type { CliCommand } from '../command-line.ts';

/** `lithair snapshot`: makes one member write a snapshot now. */
export const snapshotCommand: CliCommand = {
  name: 'snapshot',
  positionals: '',
  options: ADMIN_OPTIONS,
  details: ['It is written on the member that --address names, beside the one before.'],
  async run(input) {
    const { index, term } = await askMember(input, (client) => client.takeSnapshot());
    process.stdout.write(`snapshot at index ${index}, term ${term}\n`);
    return EXIT.ok;
  },
};
