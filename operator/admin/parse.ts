import type { ClusterStatus, MemberStatus, ModelChangeResponse } from '@lithair/crds/contract';
import { isRecord } from '../kubernetes/index.ts';

const ROLES: ReadonlySet<unknown> = new Set(['leader', 'follower', 'candidate', 'learner']);
const NUMBERS = ['epoch', 'memberId', 'leader', 'term', 'commit', 'applied', 'schemaVersion'];
const TEXTS = ['clusterId', 'name', 'schemaFingerprint', 'version'];

/** Whether a JSON value is the status of a member that holds a cluster. */
export function isClusterStatus(value: unknown): value is ClusterStatus {
  if (!isRecord(value)) return false;
  return (
    ROLES.has(value['role']) &&
    typeof value['ready'] === 'boolean' &&
    NUMBERS.every((name) => Number.isSafeInteger(value[name])) &&
    TEXTS.every((name) => typeof value[name] === 'string') &&
    isStorage(value['storage']) &&
    isModelChangeStatus(value['modelChange']) &&
    Array.isArray(value['members']) &&
    value['members'].every(isMemberStatus)
  );
}

/** Members of an older version do not report it. */
function isStorage(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (!isRecord(value) || typeof value['low'] !== 'boolean') return false;
  return ['freeBytes', 'totalBytes', 'reserveBytes'].every((name) => Number.isFinite(value[name]));
}

/** As above. */
function isModelChangeStatus(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (!isRecord(value) || typeof value['schemaFingerprint'] !== 'string') return false;
  return ['schemaVersion', 'prepared', 'total'].every((name) => Number.isSafeInteger(value[name]));
}

/** Members of an older version do not report them. */
const MEASURES = ['lagBytes', 'lagMs'];

function isMeasure(value: unknown): boolean {
  return value === null || (typeof value === 'number' && Number.isFinite(value));
}

function isMemberStatus(value: unknown): value is MemberStatus {
  if (!isRecord(value)) return false;
  return (
    Number.isSafeInteger(value['id']) &&
    typeof value['name'] === 'string' &&
    (value['role'] === 'voter' || value['role'] === 'learner') &&
    (value['lag'] === null || typeof value['lag'] === 'number') &&
    MEASURES.every((name) => value[name] === undefined || isMeasure(value[name])) &&
    (value['heldBack'] === undefined || typeof value['heldBack'] === 'string')
  );
}

const RESULTS: ReadonlySet<unknown> = new Set(['unchanged', 'applied', 'preparing', 'would-apply']);

/** What a refusal means that is not about the change itself but about the moment. */
export function isInProgress(value: unknown): boolean {
  return isRecord(value) && value['code'] === 'model_change_in_progress';
}

/** Whether a member has not got the keys yet that a model needs. */
export function isForKeys(value: unknown): boolean {
  return isRecord(value) && value['code'] === 'keys_missing';
}

/** Whether a JSON value is the answer to a model change that was not refused. */
export function isModelChange(value: unknown): value is ModelChangeResponse {
  if (!isRecord(value)) return false;
  return (
    RESULTS.has(value['result']) &&
    Number.isSafeInteger(value['schemaVersion']) &&
    Array.isArray(value['changes']) &&
    value['changes'].every((change) => typeof change === 'string')
  );
}

/** The reasons in an RFC 9457 problem, one line each. */
export function problemReasons(value: unknown, status: number): readonly string[] {
  if (!isRecord(value)) return [`answered with ${status}`];
  const errors: unknown[] = Array.isArray(value['errors']) ? value['errors'] : [];
  const reasons = errors.filter(isRecord).map((error) => {
    const place = typeof error['pointer'] === 'string' ? `${error['pointer']}: ` : '';
    return `${place}${String(error['message'] ?? error['code'])}`;
  });
  if (reasons.length > 0) return reasons;
  const detail = value['detail'] ?? value['title'];
  return [typeof detail === 'string' ? detail : `answered with ${status}`];
}
