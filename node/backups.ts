import { openBackupStream } from './backup/index.ts';
import type { Consensus } from './consensus/index.ts';
import { asksForEncryption } from './encryption-keeper.ts';
import type { HistoryKeeper } from './history-keeper.ts';
import type { Log } from './log/index.ts';
import { AdminError, type BackUp } from './membership/index.ts';
import type { ApplyResult, ReplicatedState } from './state/index.ts';

const CONFIRM_TIMEOUT_MS = 10_000;

/** Backups of one member: whatever was acknowledged anywhere before the request is part of them. */
export function backups(
  consensus: Consensus<ApplyResult, ReplicatedState>,
  log: Log,
  keeper: HistoryKeeper,
  defer: (callback: () => void) => void,
): BackUp {
  const pause = () => new Promise<void>((resolve) => defer(resolve));
  return async (after) => {
    await consensus.confirmRead(CONFIRM_TIMEOUT_MS);
    const { state, applied } = consensus;
    if (state === null) throw new AdminError('unavailable', 'waiting for the first snapshot');
    if (!keeper.isSettled) {
      throw new AdminError('unavailable', 'older history is on its way from another member');
    }
    const { clusterId, epoch } = state;
    const holdArchive = () => keeper.hold();
    const isSecret = asksForEncryption(state.schema);
    const source = { clusterId, epoch, applied, log, isSecret, holdArchive, pause };
    return openBackupStream(source, after);
  };
}
