import type { Member } from './member.ts';

/** What a member says of its cluster, as far as it matters here. */
export interface MemberStatus {
  readonly name: string;
  readonly role: string;
  readonly term: number;
  readonly commit: number;
  readonly applied: number;
  readonly members: readonly {
    readonly id: number;
    readonly name: string;
    readonly role: string;
  }[];
}

/** The member's own view of the cluster; null where it gives none. */
export async function statusOf(member: Member): Promise<MemberStatus | null> {
  if (!member.running) return null;
  try {
    const response = await fetch(`${member.opsUrl}/_cluster/status`, {
      signal: AbortSignal.timeout(1000),
    });
    const body: unknown = await response.json();
    return response.ok && isStatus(body) ? body : null;
  } catch {
    return null;
  }
}

function isStatus(body: unknown): body is MemberStatus {
  return typeof body === 'object' && body !== null && 'role' in body && 'members' in body;
}
