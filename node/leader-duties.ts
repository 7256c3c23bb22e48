import { type RaiseDependencies, raiseApplyVersion } from './apply-version.ts';
import type { TimerHandle } from './ports/index.ts';

const LOOK_EVERY_MS = 1_000;
const KEY_LOOK_EVERY_MS = 5_000;
const TIMEOUT_MS = 5_000;
/** Entries of expired rows behind each other, before others get their turn. */
const MAX_ENTRIES = 50;

/** What its duties are done with. */
export interface DutyDependencies extends RaiseDependencies {
  /** Null where all members have the newest master key of this one. */
  readonly whyKeysDiffer: () => Promise<string | null>;
}

/**
 * What a leader does by itself: raises the apply version, lets rows go whose time has come, and has the
 * newest master key wrap that of encrypted fields.
 */
export function leaderDuties(deps: DutyDependencies): void {
  raiseApplyVersion(deps);
  whileLeading(deps, LOOK_EVERY_MS, () => sweepExpired(deps));
  whileLeading(deps, KEY_LOOK_EVERY_MS, () => renewFieldKey(deps));
}

/** Does something now and then, one time after the other, while this member leads. */
function whileLeading(
  { consensus, clock }: RaiseDependencies,
  everyMs: number,
  work: () => Promise<void>,
): void {
  let timer: TimerHandle | null = null;
  const later = (): void => {
    timer?.cancel();
    timer = clock.after(everyMs, () => void look());
  };
  const look = async (): Promise<void> => {
    if (!consensus.leading) return;
    await work();
    later();
  };
  consensus.onLeadership(({ leading }) => {
    timer?.cancel();
    if (leading) later();
  });
}

/** Where a member does not have the newest master key, or does not answer, the one before goes on. */
async function renewFieldKey({ leader, whyKeysDiffer, logger }: DutyDependencies): Promise<void> {
  try {
    if (!leader.hasOldFieldKey) return;
    const reason = await whyKeysDiffer();
    if (reason !== null) {
      logger.debug({ reason }, 'the key of encrypted fields stays under its master key');
      return;
    }
    if (!(await leader.renewFieldKey(TIMEOUT_MS))) return;
    logger.info({}, 'the newest master key wraps the key of encrypted fields');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    logger.warn({ reason }, 'the key of encrypted fields could not be wrapped anew yet');
  }
}

/** Deletes expired rows, by the stamps that entries get, where some model has rows that expire. */
async function sweepExpired({ leader, logger }: RaiseDependencies): Promise<void> {
  try {
    for (let at = 0; at < MAX_ENTRIES; at++) {
      if (!(await leader.expireRows(TIMEOUT_MS))) break;
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    logger.debug({ reason }, 'expired rows could not be deleted yet');
  }
}
