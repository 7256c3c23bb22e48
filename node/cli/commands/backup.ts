import { BackupError, takeBackup } from '../../backup/index.ts';
import { systemRandom } from '../../world.ts';
import { ADMIN_OPTIONS, askMember } from '../admin-connection.ts';
import { CliError, EXIT } from '../cli-error.ts';
import type { CliCommand } from '../command-line.ts';
import { KEYS_OPTION, keysOf } from '../keys-option.ts';
import { megabytes } from '../megabytes.ts';

/** `lithair backup DIR`: begins a backup, or adds what happened since the last run. */
export const backupCommand: CliCommand = {
  name: 'backup',
  positionals: 'DIR',
  options: { ...ADMIN_OPTIONS, ...KEYS_OPTION },
  details: [
    'Takes everything that was acknowledged before it began from a running member. The first run',
    'takes a snapshot and the log behind it; each further run with the same DIR adds the rest, so',
    'that lithair restore can go to any moment in between. What is in DIR is never changed.',
    'Example: lithair backup /backups/shop --address 10.0.0.1:10080 --peer-tls ./certs/admin',
  ],
  async run(input) {
    const dir = input.positionals[0] ?? '';
    const keys = await keysOf(input);
    const sealing = keys === null ? null : { keys, random: systemRandom };
    try {
      const taken = await askMember(input, (client) =>
        takeBackup(dir, (after) => client.backup(after), sealing),
      );
      const what = taken.full
        ? `a snapshot and ${taken.entries} entries`
        : `${taken.entries} entries`;
      process.stdout.write(
        `${dir}: added ${what} (${megabytes(taken.bytes)}); reaches to entry ${taken.index}\n`,
      );
      return EXIT.ok;
    } catch (error) {
      if (error instanceof BackupError) throw new CliError(error.message);
      throw error;
    }
  },
};
