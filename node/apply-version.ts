import type { ApplyVersions } from '@lithair/crds/contract';
import type { Leader } from './leader.ts';
import type { NodeConsensus } from './node-parts.ts';
import type { Clock, Logger, TimerHandle } from './ports/index.ts';

const LOOK_EVERY_MS = 1_000;
const TIMEOUT_MS = 5_000;

/** What raising the apply version in force is done with. */
export interface RaiseDependencies {
  readonly consensus: NodeConsensus;
  readonly leader: Leader;
  /** What this member can take part in. */
  readonly own: ApplyVersions;
  /** What another one can take part in; null while it is not connected. */
  readonly versionsOf: (id: number) => ApplyVersions | null;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Puts the next apply version in force once every member can take part in it: a leader looks now
 * and then while there is one to come. A member that is away holds the cluster back, because
 * nobody knows what it will come back with.
 */
export function raiseApplyVersion(deps: RaiseDependencies): void {
  let timer: TimerHandle | null = null;
  const later = (): void => {
    timer?.cancel();
    timer = deps.clock.after(LOOK_EVERY_MS, () => void look());
  };
  const look = async (): Promise<void> => {
    if (!deps.consensus.leading || !isBehind(deps)) return;
    await raiseIfAllCan(deps);
    later();
  };
  deps.consensus.onLeadership(({ leading }) => {
    timer?.cancel();
    if (leading && isBehind(deps)) later();
  });
}

function isBehind({ consensus, own }: RaiseDependencies): boolean {
  return consensus.state !== null && consensus.state.applyVersion < own.latest;
}

async function raiseIfAllCan(deps: RaiseDependencies): Promise<void> {
  const { consensus, leader, versionsOf, logger } = deps;
  const { state } = consensus;
  if (state === null) return;
  const to = state.applyVersion + 1;
  const others = state.members().filter(({ id }) => id !== consensus.memberId);
  if (others.some(({ id }) => (versionsOf(id)?.latest ?? 0) < to)) return;
  try {
    await leader.raiseApplyVersion(to, TIMEOUT_MS);
    logger.info({ applyVersion: to }, 'all members can: another apply version is in force');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    logger.warn({ applyVersion: to, reason }, 'the apply version could not be raised yet');
  }
}
