import { stat } from 'node:fs/promises';
import { LogError, NodeFileSystem } from '../../log/index.ts';
import { CliError, EXIT } from '../cli-error.ts';
import type { CliCommand, CliInput } from '../command-line.ts';
import { eventLines, rawLines, verifyLines } from '../event-log/index.ts';

/** `lithair log DIR`: the events of a data directory, its raw entries, or whether it is sound. */
export const logCommand: CliCommand = {
  name: 'log',
  positionals: 'DIR',
  options: {
    raft: { help: 'show every record of the raft log instead, committed or not' },
    verify: { help: 'read everything, check every checksum, exit 3 on a bad place' },
  },
  details: [
    'Events are JSON lines. Nothing is locked or written: the node may be running.',
    'What stands before the oldest snapshot that is kept is not shown.',
    'Example: lithair log ./data | tail -n 1',
  ],
  async run(input) {
    const dir = await directoryOf(input);
    try {
      return await show(input, { dir, fs: new NodeFileSystem() });
    } catch (error) {
      if (error instanceof LogError) throw new CliError(error.message, EXIT.dataRefused);
      throw error;
    }
  },
};

async function directoryOf(input: CliInput): Promise<string> {
  const dir = input.positionals[0] ?? '';
  const found = await stat(dir).catch(() => null);
  if (found === null) throw new CliError(`${dir}: no such directory`, EXIT.dataRefused);
  if (found.isDirectory()) return dir;
  throw new CliError(`${dir} is not a data directory`, EXIT.dataRefused);
}

async function show(
  input: CliInput,
  options: { dir: string; fs: NodeFileSystem },
): Promise<number> {
  if (input.flag('verify')) {
    const { lines, sound } = await verifyLines(options);
    process.stdout.write(`${lines.join('\n')}\n`);
    return sound ? EXIT.ok : EXIT.dataRefused;
  }
  const lines = input.flag('raft') ? rawLines(options) : eventLines(options);
  for await (const line of lines) await print(line);
  return EXIT.ok;
}

/** Waits where whoever reads is slower. */
function print(line: string): Promise<void> | undefined {
  if (process.stdout.write(`${line}\n`)) return undefined;
  return new Promise((resolve) => process.stdout.once('drain', resolve));
}
