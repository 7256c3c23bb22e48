import { BackupError } from '../backup/index.ts';
import { ConsensusError } from '../consensus/index.ts';
import { EngineError } from '../ports/index.ts';

/** Why an administrative request was refused; stable codes that tools may rely on. */
export type AdminErrorCode =
  | 'invalid_request' // 400
  | 'forbidden' // 403
  | 'not_found' // 404
  | 'unknown_member' // 404
  | 'method_not_allowed' // 405
  | 'name_taken' // 409: the name is known with another disk
  | 'disk_taken' // 409: the disk is known with another name
  | 'address_taken' // 409
  | 'apply_version' // 409: its binary cannot follow the cluster
  | 'last_voter' // 409
  | 'no_quorum' // 409: what would be left could not decide anything
  | 'not_caught_up' // 409
  | 'quorum_answers' // 409: a region must not be promoted beside voters that can go on
  | 'further_along' // 409: another survivor holds more
  | 'not_confirmed' // 409
  | 'still_there' // 409: a member that is said to be lost answers
  | 'not_a_voter' // 409
  | 'outbox_not_empty' // 409: writes that only the member has would be lost
  | 'change_in_progress' // 409
  | 'change_refused' // 409
  | 'model_change_in_progress' // 409
  | 'breaking_change' // 409
  | 'keys_missing' // 409: a model asks for encryption, and a member has no keys
  | 'other_history' // 409: a backup is not of this cluster's log
  | 'invalid_model' // 422
  | 'body_too_large' // 413
  | 'unsupported_media_type' // 415
  | 'unavailable' // 503: nothing was changed, retry at will
  | 'overloaded' // 503
  | 'no_cluster' // 503: this member waits to bootstrap or to be taken in
  | 'outcome_unknown' // 504: it may take effect yet
  | 'out_of_space' // 507: nothing was written
  | 'internal'; // 500

const STATUS: Readonly<Record<AdminErrorCode, number>> = {
  invalid_request: 400,
  forbidden: 403,
  not_found: 404,
  unknown_member: 404,
  method_not_allowed: 405,
  name_taken: 409,
  disk_taken: 409,
  address_taken: 409,
  apply_version: 409,
  last_voter: 409,
  no_quorum: 409,
  not_caught_up: 409,
  still_there: 409,
  quorum_answers: 409,
  further_along: 409,
  not_confirmed: 409,
  not_a_voter: 409,
  outbox_not_empty: 409,
  change_in_progress: 409,
  change_refused: 409,
  model_change_in_progress: 409,
  breaking_change: 409,
  keys_missing: 409,
  other_history: 409,
  invalid_model: 422,
  body_too_large: 413,
  unsupported_media_type: 415,
  unavailable: 503,
  overloaded: 503,
  no_cluster: 503,
  outcome_unknown: 504,
  out_of_space: 507,
  internal: 500,
};

/** One reason among several, such as a place in a model. */
export interface AdminProblemDetail {
  readonly pointer: string;
  readonly code: string;
  readonly message: string;
}

/** A refusal that goes to the caller as it is. */
export class AdminError extends Error {
  override readonly name = 'AdminError';
  readonly code: AdminErrorCode;
  readonly errors: readonly AdminProblemDetail[];

  constructor(code: AdminErrorCode, message: string, errors: readonly AdminProblemDetail[] = []) {
    super(message);
    this.code = code;
    this.errors = errors;
  }

  get status(): number {
    return STATUS[this.code];
  }
}

/** The refusal that an error of a lower room means to the caller; `internal` for a bug. */
export function asAdminError(error: unknown): AdminError {
  if (error instanceof AdminError) return error;
  if (error instanceof BackupError) {
    const code = error.code === 'mismatch' ? 'other_history' : 'unavailable';
    return new AdminError(code, error.message);
  }
  if (error instanceof EngineError) return new AdminError(error.code, error.message);
  if (error instanceof ConsensusError) {
    return error.code === 'change_refused'
      ? new AdminError('change_in_progress', error.message)
      : new AdminError('unavailable', error.message);
  }
  return new AdminError('internal', 'the request failed; the log of the node says why');
}

/** What every refusal of a disk or a peer that is of another cluster begins with. */
export const CLUSTER_ID_MISMATCH = 'ClusterIDMismatch';

/** A data directory that must not be used for this cluster. */
export class ForeignClusterError extends Error {
  override readonly name = 'ForeignClusterError';

  constructor(message: string) {
    super(`${CLUSTER_ID_MISMATCH}: ${message}`);
  }
}
