import type { ClusterStatus, MemberStatus } from '@lithair/crds/contract';
import { type AdminClient, AdminRefusedError, AdminUnreachableError } from '../membership/index.ts';
import { CliError } from './cli-error.ts';

const LOOK_EVERY_MS = 500;

type Client = Pick<AdminClient, 'status' | 'removeMember'>;

/**
 * Takes a lost member out, and waits until another one of its name is what it was. The new
 * member's id.
 *
 * @param tell hears how far it is
 * @throws AdminRefusedError where the member still answers, or the rest has no quorum; CliError
 * where nobody took the place in time
 */
export async function replaceMember(
  client: Client,
  id: number,
  timeoutMs: number,
  tell: (sentence: string) => void,
): Promise<number> {
  const lost = (await statusOf(client))?.members.find((member) => member.id === id);
  if (lost === undefined) throw new CliError(`there is no member ${id}`);
  await client.removeMember(id, true);
  tell(`member ${id} (${lost.name}) is removed: waiting for ${lost.name} with an empty disk`);
  const dueMs = performance.now() + timeoutMs;
  for (let last = ''; performance.now() < dueMs; ) {
    const status = await statusOf(client);
    const next = status?.members.find(({ name }) => name === lost.name);
    if (next !== undefined && isInPlace(next, lost)) return next.id;
    const sentence = next === undefined ? '' : progressOf(next);
    if (sentence !== last) tell(sentence);
    last = sentence;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
  const text = `member ${id} is removed, but no ${lost.name} has taken its place in time`;
  throw new CliError(`${text}: start it with an empty directory; it joins by itself`);
}

function isInPlace(next: MemberStatus, lost: MemberStatus): boolean {
  if (lost.role === 'voter') return next.role === 'voter';
  return next.match === null || (next.match > 0 && (next.lagMs ?? 0) < LOOK_EVERY_MS);
}

function progressOf({ id, name, role, lag }: MemberStatus): string {
  const behind = lag === null ? '' : `, ${lag} entries behind`;
  return `member ${id} (${name}) has joined as a ${role}${behind}`;
}

/** Null while nobody can tell. */
async function statusOf(client: Client): Promise<ClusterStatus | null> {
  try {
    const status = await client.status();
    return 'waiting' in status ? null : status;
  } catch (error) {
    if (error instanceof AdminUnreachableError || error instanceof AdminRefusedError) return null;
    throw error;
  }
}
