import { KubernetesError } from '../kubernetes/index.ts';

/** Why a reconcile cannot go on; shown in a condition. */
export type BlockReason =
  | 'StorageClassMissing'
  | 'NoDefaultStorageClass'
  | 'NameConflict'
  | 'SecretDamaged'
  | 'Forbidden'
  | 'Rejected';

/** Something a person has to put right. */
export class BlockedError extends Error {
  override readonly name = 'BlockedError';
  readonly reason: BlockReason;

  constructor(reason: BlockReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** What we read was older than what is there; nothing was done, the next attempt sees it. */
export class StaleCacheError extends Error {
  override readonly name = 'StaleCacheError';
}

/** The error as something to show, or null where trying again is all there is to it. */
export function asBlocked(error: unknown): BlockedError | null {
  if (error instanceof BlockedError) return error;
  if (!(error instanceof KubernetesError)) return null;
  if (error.forbidden) return new BlockedError('Forbidden', error.message);
  const rejected = error.status === 400 || error.status === 422;
  return rejected ? new BlockedError('Rejected', error.message) : null;
}
