/**
 * `outbox_lost`: the cluster has ordered more of this member's writes than its outbox ever held, so
 * that the disk lost some. `outbox_corrupt`: a record of the outbox is not a local write.
 */
export type OutboxErrorCode = 'outbox_lost' | 'outbox_corrupt';

/** The member cannot go on with this disk. */
export class OutboxError extends Error {
  readonly code: OutboxErrorCode;

  constructor(code: OutboxErrorCode, message: string) {
    super(message);
    this.name = 'OutboxError';
    this.code = code;
  }
}
