import { link, realpath, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { CliError, fileReason } from './cli-error.ts';

const UNFINISHED = '.tmp';

/**
 * Writes a file that is not there yet: whole, or not at all.
 *
 * @throws CliError where it is there, or cannot be written
 */
export async function writeNewFile(path: string, text: string): Promise<void> {
  // What is there has its reason told before anything is written.
  if ((await stat(path).catch(() => null)) !== null) {
    throw new CliError(`cannot write ${path}: it is there already`);
  }
  await written(path, path, text, link);
}

/**
 * Writes a file in the place of what is there, which stays until all of it is written.
 *
 * @throws CliError where it cannot be written
 */
export async function replaceFile(path: string, text: string): Promise<void> {
  const found = await stat(path).catch(() => null);
  if (found === null || found.isFile()) {
    const place = found === null ? path : await realpath(path);
    return written(path, place, text, rename);
  }
  // Such as /dev/stdout, which nothing can stand in the place of.
  await writeFile(path, text).catch((error: unknown) => refuse(path, error));
}

async function written(
  named: string,
  place: string,
  text: string,
  take: (from: string, to: string) => Promise<void>,
): Promise<void> {
  const unfinished = `${place}${UNFINISHED}`;
  try {
    await writeFile(unfinished, text, { flush: true });
    await take(unfinished, place);
  } catch (error) {
    refuse(named, error);
  } finally {
    // Gone already where it was renamed.
    await unlink(unfinished).catch(() => undefined);
  }
}

function refuse(path: string, error: unknown): never {
  throw new CliError(`cannot write ${path}: ${fileReason(error)}`);
}
