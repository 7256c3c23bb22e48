import { EncryptionError, MasterKeys } from '../encryption/index.ts';
import { NodeError } from '../exit.ts';
import { readKeyFile } from '../key-file.ts';
import { LogError } from '../log/index.ts';
import { CliError } from './cli-error.ts';
import type { CliInput } from './command-line.ts';

/** `--keys FILE` of commands that read or write what may be encrypted. */
export const KEYS_OPTION = {
  keys: { value: 'FILE', help: 'keys, where a model is encrypted at rest' },
} as const;

/** The keys that were given; null for none. @throws CliError */
export async function keysOf(input: CliInput): Promise<MasterKeys | null> {
  const file = input.text('keys');
  return file === undefined ? null : new MasterKeys(await asCliError(readKeyFile(file)));
}

/** What is wrong with keys, as a command says it. */
export async function asCliError<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const isKnown =
      error instanceof NodeError || error instanceof EncryptionError || error instanceof LogError;
    throw isKnown ? new CliError(error.message) : error;
  }
}
