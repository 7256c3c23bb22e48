import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NodeError } from './exit.ts';

/** What somebody who outlives the members knows of their cluster. */
export interface KnownCluster {
  readonly id: string;
  readonly bootstrapped: boolean;
}

/**
 * Reads a `--cluster` directory. Read again at every question, because what is mounted changes.
 *
 * @throws NodeError where it is not what the operator mounts
 */
export async function readKnownCluster(dir: string | null): Promise<KnownCluster | null> {
  if (dir === null) return null;
  const [id, bootstrapped] = await Promise.all([
    readText(dir, 'id'),
    readText(dir, 'bootstrapped'),
  ]);
  if (id === '') throw new NodeError(`${join(dir, 'id')} is empty`);
  if (bootstrapped !== 'true' && bootstrapped !== 'false') {
    throw new NodeError(`${join(dir, 'bootstrapped')} says neither true nor false`);
  }
  return { id, bootstrapped: bootstrapped === 'true' };
}

async function readText(dir: string, name: string): Promise<string> {
  const path = join(dir, name);
  const text = await readFile(path, 'utf8').catch(() => {
    throw new NodeError(`cannot read ${path}`);
  });
  return text.trim();
}
