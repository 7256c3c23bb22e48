import { open, rename, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Keyring, MAX_KEYRING_BYTES, parseKeyring } from './encryption/index.ts';
import { NodeError } from './exit.ts';

/** A file of keys is looked at so often; in Kubernetes a changed Secret gets there by itself. */
const LOOK_EVERY_MS = 5_000;

/**
 * Reads a file of keys.
 *
 * @throws NodeError where it is not there, or everybody may read it
 * @throws EncryptionError where it is no file of keys
 */
export async function readKeyFile(path: string): Promise<Keyring> {
  return parseKeyring(await textOf(path), path);
}

/** The text of a file of keys; errors as {@link readKeyFile}. */
export async function textOf(path: string): Promise<string> {
  const found = await stat(path).catch(() => null);
  if (found === null) throw new NodeError(`${path}: there is no such file of keys`);
  if (!found.isFile()) throw new NodeError(`${path} is not a file of keys`);
  if (found.size > MAX_KEYRING_BYTES) throw new NodeError(`${path} is too long to be keys`);
  if ((found.mode & 0o007) !== 0) {
    throw new NodeError(`${path} may be read by everybody: chmod 600 it, then start again`);
  }
  const file = await open(path, 'r');
  try {
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

/**
 * Replaces a file of keys as a whole, for its owner alone; durable when it resolves.
 *
 * @throws NodeError where the disk does not take it; what was there stays
 */
export async function writeKeyFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    await writeSynced(temporary, text);
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    const reason = error instanceof Error ? error.message : String(error);
    throw new NodeError(`cannot write ${path}: ${reason}`);
  }
  const directory = await open(dirname(path), 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

async function writeSynced(path: string, text: string): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    await file.chmod(0o600);
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * Calls back with the keys of a file, at once and whenever it was changed, and on SIGHUP. A file
 * that cannot be read is told, and looked at again.
 *
 * @returns stops watching
 */
export function watchKeyFile(
  path: string,
  onKeys: (keyring: Keyring) => void,
  onError: (reason: string) => void,
): () => void {
  let known: string | null = null;
  const look = async (): Promise<void> => {
    try {
      const text = await textOf(path);
      if (text === known) return;
      known = text;
      onKeys(parseKeyring(text, path));
    } catch (error) {
      known = null;
      onError(error instanceof Error ? error.message : String(error));
    }
  };
  const run = (): void => void look();
  run();
  const timer = setInterval(run, LOOK_EVERY_MS).unref();
  process.on('SIGHUP', run);
  return () => {
    clearInterval(timer);
    process.off('SIGHUP', run);
  };
}
