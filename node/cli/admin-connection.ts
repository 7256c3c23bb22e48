import { PEER_PORT_OFFSET } from '@lithair/crds/contract';
import { asNodeError } from '../exit.ts';
import { AdminClient, AdminRefusedError, AdminUnreachableError } from '../membership/index.ts';
import { readTlsMaterial } from '../tls-files.ts';
import { CliError } from './cli-error.ts';
import type { CliInput, OptionSpec } from './command-line.ts';

const DEFAULT_ADDRESS = `127.0.0.1:${8080 + PEER_PORT_OFFSET}`;
const DEFAULT_DIR = './data/certs/admin';

/** Options of every command that speaks to the admin API. */
export const ADMIN_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  address: { value: 'HOST:PORT', help: `peer port of any member (default ${DEFAULT_ADDRESS})` },
  'peer-tls': { value: 'DIR', help: `certificate of an administrator (default ${DEFAULT_DIR})` },
};

/**
 * Asks a member through the admin API.
 *
 * @throws CliError with the reason where it refuses or does not answer
 */
export async function askMember<T>(
  input: CliInput,
  question: (client: AdminClient) => Promise<T>,
): Promise<T> {
  const address = input.text('address') ?? DEFAULT_ADDRESS;
  try {
    const material = await readTlsMaterial(input.text('peer-tls') ?? DEFAULT_DIR);
    return await question(new AdminClient({ address, material, member: null }));
  } catch (error) {
    if (error instanceof AdminRefusedError) throw new CliError(`refused: ${error.message}`);
    if (error instanceof AdminUnreachableError) throw new CliError(unreachable(address, error));
    const known = asNodeError(error);
    throw known === null ? error : new CliError(known.message);
  }
}

/** Whoever serves on another port than usual finds out here. */
function unreachable(address: string, { message }: AdminUnreachableError): string {
  if (!message.includes('ECONNREFUSED')) return `${address}: ${message}`;
  const usual = `the API port + ${PEER_PORT_OFFSET} unless --peer-port says otherwise`;
  return `nobody listens on ${address}: --address is the peer port of a member, ${usual}`;
}
