import {
  BackupError,
  checkBackup,
  type NewCluster,
  type RestorePoint,
  restoreBackup,
} from '../../backup/index.ts';
import { EncryptionError, type MasterKeys } from '../../encryption/index.ts';
import { LogError, NodeFileSystem } from '../../log/index.ts';
import { silentLogger } from '../../telemetry/index.ts';
import { UUID_RANDOM_BYTES, uuidV7 } from '../../values/index.ts';
import { systemClock, systemRandom } from '../../world.ts';
import { CliError, EXIT } from '../cli-error.ts';
import type { CliCommand, CliInput } from '../command-line.ts';
import { KEYS_OPTION, keysOf } from '../keys-option.ts';
import { megabytes } from '../megabytes.ts';

const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/;

/** `lithair restore BACKUP DIR`: a data directory as the cluster was at a moment. */
export const restoreCommand: CliCommand = {
  name: 'restore',
  positionals: 'BACKUP [DIR]',
  options: {
    at: { value: 'TIME|INDEX', help: 'the moment to go back to (default: all that is there)' },
    name: { value: 'NAME', help: 'name of the member that begins the new cluster (default n1)' },
    ...KEYS_OPTION,
    check: { help: 'only read the backup and say whether all of it is sound' },
  },
  details: [
    'DIR must be new. It becomes the data directory of a new cluster with a new id and a new epoch:',
    'members, sessions and cursors of the old one are refused by it. Everything is verified first.',
    'For a local cluster restore into DATA/n1 and serve with --nodes; the others join it.',
    'Example: lithair restore /backups/shop ./data --at 2026-11-20T12:00:00Z',
  ],
  async run(input) {
    const [backup = '', into] = input.positionals;
    try {
      if (input.flag('check')) return await check(backup, await keysOf(input));
      if (into === undefined) {
        throw new CliError('restore: DIR is missing (see lithair restore --help)', EXIT.usage);
      }
      return await restore(input, backup, into.replace(/\/+$/, ''));
    } catch (error) {
      if (error instanceof EncryptionError || error instanceof LogError) {
        throw new CliError(error.message, EXIT.dataRefused);
      }
      if (!(error instanceof BackupError)) throw error;
      throw new CliError(`${backup}: ${error.message}`, EXIT.dataRefused);
    }
  },
};

async function check(backup: string, keys: MasterKeys | null): Promise<number> {
  const { clusterId, parts, bytes, from, to } = await checkBackup(backup, keys);
  process.stdout.write(
    `${backup}: sound: cluster ${clusterId}, ${parts} parts, ${megabytes(bytes)}, entries ${from} to ${to}\n`,
  );
  return EXIT.ok;
}

async function restore(input: CliInput, backup: string, into: string): Promise<number> {
  const point = pointOf(input.text('at'));
  const clock = systemClock;
  const keys = await keysOf(input);
  const fs = new NodeFileSystem();
  const world = { fs, clock, random: systemRandom, logger: silentLogger, keys };
  const restored = await restoreBackup(backup, into, point, newCluster(input), world);
  const time = new Date(restored.logTimeMs).toISOString();
  process.stdout.write(
    `${into}: restored to entry ${restored.index} of ${time}: cluster ${restored.clusterId}, epoch ${restored.epoch}\n`,
  );
  if (keys === null && restored.fieldKeyId !== null) {
    const text = `its encrypted fields need key ${restored.fieldKeyId}: serve it with --keys FILE`;
    process.stderr.write(`${text}\n`);
  }
  if (restored.lacksHistory) {
    process.stderr.write('history that was archived earlier is not in this backup: it is gone\n');
  }
  return EXIT.ok;
}

function newCluster(input: CliInput): NewCluster {
  const name = input.text('name') ?? 'n1';
  // The address is announced anew when the member starts.
  return { clusterId: newUuid(), diskUuid: newUuid(), name, address: '127.0.0.1:10080' };
}

function newUuid(): string {
  return uuidV7(systemClock.nowMs(), systemRandom.fill(new Uint8Array(UUID_RANDOM_BYTES)));
}

function pointOf(text: string | undefined): RestorePoint {
  if (text === undefined) return null;
  if (/^\d{1,15}$/.test(text)) return { kind: 'index', index: Number(text) };
  if (TIME.test(text)) return { kind: 'time', timeMs: Date.parse(text) };
  throw new CliError(
    `--at takes a time such as 2026-11-20T12:00:00Z or an index, not ${text}`,
    EXIT.usage,
  );
}
