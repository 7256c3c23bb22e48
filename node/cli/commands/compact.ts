import { ADMIN_OPTIONS, askMember } from '../admin-connection.ts';
import { EXIT } from '../cli-error.ts';
import type { CliCommand } from '../command-line.ts';

/** `lithair compact`: makes one member remove what is not kept any more. */
export const compactCommand: CliCommand = {
  name: 'compact',
  positionals: '',
  options: ADMIN_OPTIONS,
  details: [
    'Archives the history in memory, removes values that the model does not keep any more, and',
    'the snapshots and segments that held them. It works on the member that --address names:',
    'ask each member. Members do most of this by themselves, now and then.',
  ],
  async run(input) {
    const { index, generation } = await askMember(input, (client) => client.compact());
    process.stdout.write(`compacted up to index ${index}, archived generation ${generation}\n`);
    return EXIT.ok;
  },
};
