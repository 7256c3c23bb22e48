import { type RaiseDependencies, raiseApplyVersion } from './apply-version.ts';

const LOOK_EVERY_MS = 1_000;
const TIMEOUT_MS = 5_000;
/** Entries of expired rows behind each other, before others get their turn. */
const MAX_ENTRIES = 50;

/** What a leader does by itself: raises the apply version, and lets rows go whose time has come. */
export function leaderDuties(deps: RaiseDependencies): void {
  raiseApplyVersion(deps);
  sweepExpired(deps);
}

/**
 * Deletes expired rows, by the stamps that entries get, while this member leads and some model has
 * rows that expire.
 */
function sweepExpired({ consensus, leader, clock, logger }: RaiseDependencies): void {
  let timer: ReturnType<typeof clock.after> | null = null;
  const later = (): void => {
    timer?.cancel();
    timer = clock.after(LOOK_EVERY_MS, () => void look());
  };
  const look = async (): Promise<void> => {
    if (!consensus.leading) return;
    try {
      for (let at = 0; at < MAX_ENTRIES; at++) {
        if (!(await leader.expireRows(TIMEOUT_MS))) break;
      }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      logger.debug({ reason }, 'expired rows could not be deleted yet');
    }
    later();
  };
  consensus.onLeadership(({ leading }) => {
    timer?.cancel();
    if (leading) later();
  });
}
