import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CliError, EXIT } from './cli-error.ts';

/** What a directory is known by once a member has stored something in it. */
const IDENTITY_FILE = 'node.json';

/**
 * Refuses a directory that holds the members of a local cluster: one node in it would found an empty
 * cluster beside them, as if all data were gone.
 *
 * @throws CliError with EXIT.dataRefused
 */
export async function requireNoLocalCluster(dataDir: string): Promise<void> {
  if (await exists(join(dataDir, IDENTITY_FILE))) return;
  const members = await membersIn(dataDir);
  if (members.length === 0) return;
  throw new CliError(
    `data directory ${dataDir} holds a local cluster (${members.join(', ')}): serve it with --nodes, or give another --data`,
    EXIT.dataRefused,
  );
}

/**
 * Refuses a directory of a single node, and one with members that would be left out.
 *
 * @param names the members that are to run
 * @throws CliError with EXIT.dataRefused
 */
export async function requireLocalCluster(
  dataDir: string,
  names: readonly string[],
): Promise<void> {
  if (await exists(join(dataDir, IDENTITY_FILE))) {
    throw new CliError(
      `data directory ${dataDir} holds one node, not a local cluster: serve it without --nodes, or give another --data`,
      EXIT.dataRefused,
    );
  }
  const leftOut = (await membersIn(dataDir)).filter((member) => !names.includes(member));
  if (leftOut.length === 0) return;
  throw new CliError(
    `data directory ${dataDir} also holds ${leftOut.join(', ')}, which --nodes ${names.length} would leave out`,
    EXIT.dataRefused,
  );
}

async function membersIn(dataDir: string): Promise<string[]> {
  const names = await readdir(dataDir).catch(() => []);
  const members: string[] = [];
  for (const name of names.filter((candidate) => /^n\d+$/.test(candidate)).sort()) {
    if (await exists(join(dataDir, name, IDENTITY_FILE))) members.push(name);
  }
  return members;
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
