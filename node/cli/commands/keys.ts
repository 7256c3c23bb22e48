import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
  FieldVault,
  formatKeyring,
  type KeyRecord,
  MasterKeys,
  newKey,
  parseKeyRecords,
  parseKeyring,
  SECRET_BYTES,
} from '../../encryption/index.ts';
import { surveyDirectory, whyKeysRefused } from '../../encryption-keeper.ts';
import { surveyFieldKeys } from '../../field-keys.ts';
import { textOf, writeKeyFile } from '../../key-file.ts';
import { type KeyUse, NodeFileSystem, scanKeys } from '../../log/index.ts';
import { systemClock, systemRandom } from '../../world.ts';
import { CliError, EXIT } from '../cli-error.ts';
import type { CliCommand, CliInput } from '../command-line.ts';
import { asCliError } from '../keys-option.ts';

/** What ends the need of a key. */
const NOT_YET =
  'nothing changed. Running nodes write their files anew with the active key; what snapshots and ' +
  'log hold of an older one goes with lithair compact on that member';
/** So many files are named that need a key. */
const NAMED_FILES = 3;

/** `lithair keys`: makes, changes and looks at a file of keys. It never shows a key. */
export const keysCommand: CliCommand = {
  name: 'keys',
  positionals: 'init|rotate|list|remove FILE',
  words: ['init', 'rotate', 'list', 'remove'],
  options: {
    data: {
      value: 'DIR',
      repeatable: true,
      help: 'list, remove: which keys this data directory needs (once for each member)',
    },
    id: { value: 'N', help: 'remove: the key that goes' },
  },
  details: [
    'init makes FILE with one key. rotate adds a key, which is the active one from then on: running',
    'nodes read FILE anew within seconds (or on SIGHUP) and write everything anew with it. list --data',
    'DIR tells when no file needs the old key any more; remove takes it out, unless one still does.',
    'Keep FILE where backups are not: without it, nothing that is encrypted can ever be read.',
    'Example: lithair keys init keys.json && lithair serve model.yaml --keys keys.json',
  ],
  async run(input) {
    const [action = '', file] = input.positionals;
    const act = ACTIONS[action];
    if (act === undefined || file === undefined) {
      const text = 'keys takes init, rotate, list or remove, and FILE (see lithair keys --help)';
      throw new CliError(text, EXIT.usage);
    }
    process.stdout.write(`${(await asCliError(act(file, input))).join('\n')}\n`);
    return EXIT.ok;
  },
};

type Action = (file: string, input: CliInput) => Promise<readonly string[]>;

const ACTIONS: Readonly<Record<string, Action>> = { init, rotate, list, remove };

async function init(file: string): Promise<readonly string[]> {
  if ((await stat(file).catch(() => null)) !== null) {
    throw new CliError(`${file} is there already; lithair keys rotate adds a key to it`);
  }
  if ((await stat(dirname(file)).catch(() => null)) === null) {
    throw new CliError(`${dirname(file)}: no such directory`);
  }
  await writeKeyFile(file, formatKeyring([drawKey([])]));
  return [`${file}: made key 1; keep a copy where the data is not`];
}

async function rotate(file: string): Promise<readonly string[]> {
  const records = parseKeyRecords(await textOf(file), file);
  const key = drawKey(records);
  await writeKeyFile(file, formatKeyring([...records, key]));
  return [`${file}: key ${key.id} is the active one now; older keys are still needed for a while`];
}

async function list(file: string, input: CliInput): Promise<readonly string[]> {
  const text = await textOf(file);
  const records = parseKeyRecords(text, file).toSorted((a, b) => a.id - b.id);
  const uses = await usesOf(text, file, input);
  const active = records.at(-1)?.id;
  const lines = records.map(({ id, createdAt }) => {
    const state = id === active ? ', active' : '';
    return `key ${id}, of ${createdAt}${state}${uses === null ? '' : `: ${neededBy(uses, id)}`}`;
  });
  const refused = uses === null ? null : whyKeysRefused(uses);
  return refused === null ? lines : [...lines, refused];
}

async function remove(file: string, input: CliInput): Promise<readonly string[]> {
  const id = input.integer('id', 1, 0xffff_ffff);
  const text = await textOf(file);
  const records = parseKeyRecords(text, file);
  if (id === undefined) throw new CliError('keys remove needs --id N', EXIT.usage);
  if (!records.some((record) => record.id === id)) throw new CliError(`${file} has no key ${id}`);
  if (id === Math.max(...records.map((record) => record.id))) {
    throw new CliError(`key ${id} is the active one: lithair keys rotate comes first`);
  }
  const uses = await usesOf(text, file, input);
  if (uses === null) throw new CliError('keys remove needs --data DIR of every member', EXIT.usage);
  const needed = uses.filter(({ keyId }) => keyId === id);
  if (needed.length > 0) throw new CliError(`key ${id} is ${neededBy(uses, id)}: ${NOT_YET}`);
  await writeKeyFile(file, formatKeyring(records.filter((record) => record.id !== id)));
  return [`${file}: key ${id} is gone; backups that were taken with it need a copy of it`];
}

function drawKey(records: readonly KeyRecord[]): KeyRecord {
  const secret = systemRandom.fill(new Uint8Array(SECRET_BYTES));
  return newKey(records, secret, new Date(systemClock.nowMs()).toISOString());
}

/** What the files of all named directories need; null where none is named. */
async function usesOf(text: string, file: string, input: CliInput): Promise<KeyUse[] | null> {
  const dirs = input.texts('data');
  if (dirs.length === 0) return null;
  const fs = new NodeFileSystem();
  const masters = new MasterKeys(parseKeyring(text, file));
  const uses: KeyUse[] = [];
  for (const dir of dirs) {
    if ((await fs.stat(`${dir}/node.json`)) === null) {
      throw new CliError(`${dir} is not a data directory`, EXIT.dataRefused);
    }
    uses.push(...(await surveyDirectory(fs, dir, await scanKeys({ dir, fs, keys: masters }))));
    if (whyKeysRefused(uses) !== null) continue;
    const vault = new FieldVault(masters, systemRandom);
    uses.push(...(await surveyFieldKeys({ dir, fs, keys: masters }, vault)));
  }
  return uses;
}

function neededBy(uses: readonly KeyUse[], id: number): string {
  const files = uses.filter(({ keyId }) => keyId === id).map(({ file }) => file);
  if (files.length === 0) return 'not needed by any file there';
  const named = files.slice(0, NAMED_FILES).join(', ');
  const more = files.length - NAMED_FILES;
  return more > 0 ? `needed by ${named} and ${more} more files` : `needed by ${named}`;
}
