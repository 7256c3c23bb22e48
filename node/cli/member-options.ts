import { readFile } from 'node:fs/promises';
import type { InitialMember, NodeOptions } from '../options.ts';
import { CliError, EXIT } from './cli-error.ts';
import type { CliInput } from './command-line.ts';

const REGION = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** `--role`; the first of the list founds the cluster, and so it votes. @throws CliError */
export function roleOf(
  input: CliInput,
  name: string,
  members: readonly InitialMember[],
): NodeOptions['role'] {
  const role = input.text('role') ?? 'voter';
  if (role !== 'voter' && role !== 'learner') {
    throw new CliError(`--role takes voter or learner, not ${role}`, EXIT.usage);
  }
  if (role === 'voter' || members[0]?.name !== name) return role;
  const text = '--role learner: the first member of --initial-cluster founds the cluster and votes';
  throw new CliError(text, EXIT.usage);
}

/** `--region`; null where it is not said. @throws CliError */
export function regionOf(input: CliInput): string | null {
  const region = input.text('region');
  if (region === undefined || REGION.test(region)) return region ?? null;
  const text = `--region takes a name of small letters, digits and dashes, not ${region}`;
  throw new CliError(text, EXIT.usage);
}

/**
 * `--initial-cluster` with this member in it, where `--address` or the list says it is; this member
 * alone where there is no list.
 *
 * @throws CliError
 */
export async function initialClusterOf(
  input: CliInput,
  name: string,
  peerPort: number,
): Promise<InitialMember[]> {
  const text = input.text('initial-cluster');
  const address = ownAddress(input);
  if (text === undefined) return [{ name, address: address ?? `127.0.0.1:${peerPort}` }];
  const members = (await listOf(text)).map(initialMember);
  if (new Set(members.map((member) => member.name)).size < members.length) {
    throw new CliError('--initial-cluster names a member twice', EXIT.usage);
  }
  return withOwnAddress(members, name, address);
}

/** `@FILE` holds what the option otherwise says, so that it can change from start to start. */
async function listOf(text: string): Promise<string[]> {
  if (!text.startsWith('@')) return text.split(',');
  const file = text.slice(1);
  const content = await readFile(file, 'utf8').catch(() => {
    throw new CliError(`--initial-cluster: cannot read ${file}`);
  });
  return content.split(/[\n,]/).filter((line) => line.trim() !== '');
}

/** A member that came later is in no list of the first ones: it says itself where it is. */
function withOwnAddress(
  members: readonly InitialMember[],
  name: string,
  address: string | null,
): InitialMember[] {
  const isNamed = members.some((member) => member.name === name);
  if (address === null) {
    if (isNamed) return [...members];
    const text = `--initial-cluster does not name this member, ${name}: name it, or say --address`;
    throw new CliError(text, EXIT.usage);
  }
  if (!isNamed) return [...members, { name, address }];
  return members.map((member) => (member.name === name ? { name, address } : member));
}

function ownAddress(input: CliInput): string | null {
  const address = input.text('address');
  if (address === undefined || /^\S+:\d{1,5}$/.test(address)) return address ?? null;
  throw new CliError(`--address takes HOST:PORT, not ${address}`, EXIT.usage);
}

function initialMember(text: string): InitialMember {
  const found = /^([a-z0-9][a-z0-9.-]*)=(\S+:\d{1,5})$/.exec(text.trim());
  const [, name, address] = found ?? [];
  if (name !== undefined && address !== undefined) return { name, address };
  throw new CliError(`--initial-cluster takes NAME=HOST:PORT,…, not ${text}`, EXIT.usage);
}
