import type { LinkTransport, PeerAddress } from './consensus/index.ts';
import type { Placement } from './membership/index.ts';
import type { NodeConsensus, NodeNetwork } from './node-parts.ts';
import type { InitialMember } from './options.ts';
import type { Clock } from './ports/index.ts';

/** The leader of a cluster that waits for a new member is there long before. */
const LOOK_EVERY_MS = 1_000;

/** What an introduction needs. */
export interface IntroductionParts {
  readonly placement: Placement;
  readonly initialCluster: readonly InitialMember[];
  readonly consensus: Pick<NodeConsensus, 'state'>;
  readonly transport: LinkTransport | null;
  readonly network: Pick<NodeNetwork, 'peer'>;
  readonly clock: Clock;
  readonly isStopping: () => boolean;
}

function isOver({ consensus, isStopping }: IntroductionParts): boolean {
  return consensus.state !== null || isStopping();
}

/**
 * A member that has no state yet knows nobody, and waits for the leader to find it. Where it was
 * removed meanwhile, no leader will. So it asks those that it was started with who the members are,
 * and dials them: they greet it, or tell it that it was removed.
 */
export function introduceLater(parts: IntroductionParts): void {
  parts.clock.after(LOOK_EVERY_MS, () => {
    if (isOver(parts)) return;
    void introduce(parts).finally(() => introduceLater(parts));
  });
}

async function introduce(parts: IntroductionParts): Promise<void> {
  const others = parts.initialCluster.filter(({ address }) => address !== parts.placement.address);
  const known = await Promise.all(others.map((member) => membersAt(parts, member)));
  if (!isOver(parts)) parts.transport?.introduce(known.flat());
}

/** Who is silent or belongs to another cluster is asked again. */
async function membersAt(
  { placement, network }: IntroductionParts,
  member: InitialMember,
): Promise<readonly PeerAddress[]> {
  const status = await network
    .peer(member)
    .status()
    .catch(() => null);
  if (status === null || 'waiting' in status) return [];
  if (status.clusterId !== placement.clusterId) return [];
  return status.members
    .filter(({ id }) => id !== placement.memberId)
    .map(({ id, name, address }) => ({ id, name, address, diskUuid: '' }));
}
