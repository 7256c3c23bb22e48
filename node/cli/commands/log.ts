import { stat } from 'node:fs/promises';
import { ArchiveError } from '../../archive/index.ts';
import { AuditError } from '../../audit/index.ts';
import { EncryptionError } from '../../encryption/index.ts';
import {
  type BadPlace,
  LogCorruptError,
  LogError,
  NodeFileSystem,
  type ScanOptions,
} from '../../log/index.ts';
import { canonicalize } from '../../values/index.ts';
import { CliError, EXIT } from '../cli-error.ts';
import type { CliCommand, CliInput } from '../command-line.ts';
import {
  auditLines,
  type EventFilter,
  eventLines,
  rawLines,
  verifyLines,
  waitingLines,
} from '../event-log/index.ts';
import { KEYS_OPTION, keysOf } from '../keys-option.ts';

/** `lithair log DIR`: the events of a data directory, its raw entries, or whether it is sound. */
export const logCommand: CliCommand = {
  name: 'log',
  positionals: 'DIR',
  options: {
    raft: { help: 'show every record of the raft log instead, committed or not' },
    model: { value: 'NAME', repeatable: true, help: 'events of this model' },
    audit: { help: 'show who asked this node for what (models with auditAllOperations)' },
    outbox: { help: 'show writes that wait in the outbox to be ordered' },
    'event-type': { value: 'TYPE', repeatable: true, help: 'events of this type' },
    aggregate: { value: 'ID', help: 'events of the aggregate with this id' },
    since: { value: 'TIME', help: 'events from this time on (RFC 3339)' },
    follow: { help: 'go on with what a running node writes, until interrupted' },
    ...KEYS_OPTION,
    verify: { help: 'read log, snapshots, outbox and archives; exit 3 on the first bad place' },
  },
  details: [
    'Events are JSON lines. Nothing is locked or written: the node may be running.',
    'What stands before the oldest snapshot is told as far as models keep history: from memory and',
    'archives, with the values that are kept. What went to the cold store is not read.',
    '--verify checks every checksum and hash chain, and names file, offset and record of what is bad.',
    'Example: lithair log ./data --model Product --since 2026-11-20T00:00:00Z --follow',
  ],
  async run(input) {
    const dir = await directoryOf(input);
    try {
      return await show(input, { dir, fs: new NodeFileSystem(), keys: await keysOf(input) });
    } catch (error) {
      const isData =
        error instanceof LogError ||
        error instanceof ArchiveError ||
        error instanceof AuditError ||
        error instanceof EncryptionError;
      if (isData) throw new CliError(error.message, EXIT.dataRefused);
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

async function show(input: CliInput, options: ScanOptions): Promise<number> {
  const filter = filterOf(input);
  if (input.flag('verify')) {
    const { lines, sound } = await verifyLines(options);
    process.stdout.write(`${lines.join('\n')}\n`);
    return sound ? EXIT.ok : EXIT.dataRefused;
  }
  for await (const line of linesOf(input, options, filter)) await print(line);
  return EXIT.ok;
}

/** Beside the events, which are those of the other snapshot and the log. */
function tellOfDamage(place: BadPlace): void {
  const { message } = new LogCorruptError(place);
  process.stderr.write(
    `lithair: log: ${message}; it is passed over (--verify checks everything)\n`,
  );
}

function linesOf(
  input: CliInput,
  options: ScanOptions,
  filter: EventFilter,
): AsyncGenerator<string> {
  if (input.flag('raft')) return rawLines(options);
  if (input.flag('outbox')) return waitingLines(options);
  if (input.flag('audit')) return auditLines(options, filter);
  return eventLines(options, filter, input.flag('follow'), tellOfDamage);
}

/** @throws CliError for a time that is none, and for options that exclude each other */
function filterOf(input: CliInput): EventFilter {
  const since = input.text('since');
  const filter = {
    models: input.texts('model'),
    types: input.texts('event-type'),
    aggregate: input.text('aggregate') ?? null,
    sinceMs: since === undefined ? null : timeOf(since),
  };
  const isNarrowed = FILTERS.some((name) => input.texts(name).length > 0) || input.flag('follow');
  if (!isNarrowed || !OTHERS.some((name) => input.flag(name))) return filter;
  if (input.flag('audit') && !input.flag('verify') && !input.flag('follow')) {
    if (OF_EVENTS.every((name) => input.texts(name).length === 0)) return filter;
  }
  const message = `log: --${[...FILTERS, 'follow'].join(', --')} are for events, not for --raft, --outbox or --verify; --audit takes --model and --since`;
  throw new CliError(message, EXIT.usage);
}

const OTHERS = ['raft', 'outbox', 'audit', 'verify'];
const OF_EVENTS = ['event-type', 'aggregate'];
const FILTERS = ['model', 'event-type', 'aggregate', 'since'];

function timeOf(text: string): number {
  const read = canonicalize({ type: 'datetime', nullable: false }, text);
  if (read.ok) return Date.parse(String(read.value));
  throw new CliError(`log: --since ${read.message}`, EXIT.usage);
}

/** Waits where whoever reads is slower. */
function print(line: string): Promise<void> | undefined {
  if (process.stdout.write(`${line}\n`)) return undefined;
  return new Promise((resolve) => process.stdout.once('drain', resolve));
}
