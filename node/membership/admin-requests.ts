import type { AddMemberRequest, ApplyVersions, PromoteRegionRequest } from '@lithair/crds/contract';
import type { BackupPoint } from '../backup/index.ts';
import { parseAddress } from '../consensus/index.ts';
import { AdminError } from './errors.ts';

const NAME = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;
const REGION = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const MAX_ADDRESS_LENGTH = 300;
const MAX_DISK_UUID_LENGTH = 64;

type UnknownObject = Readonly<Record<string, unknown>>;

/** @throws AdminError `invalid_request` */
export function readAddMember(body: unknown): AddMemberRequest {
  const { region, applyVersions, ...rest } = objectOf(body);
  return {
    ...readMember(rest),
    ...(region !== undefined && { region: readRegion(region) }),
    ...(applyVersions !== undefined && { applyVersions: readApplyVersions(applyVersions) }),
  };
}

function readMember(fields: UnknownObject): AddMemberRequest {
  const { name, address, diskUuid, role, ...rest } = fields;
  refuseUnknown(rest);
  if (typeof name !== 'string' || !NAME.test(name)) throw invalid('name is not a member name');
  if (
    typeof address !== 'string' ||
    address.length > MAX_ADDRESS_LENGTH ||
    !parseAddress(address)
  ) {
    throw invalid('address is not HOST:PORT');
  }
  if (typeof diskUuid !== 'string' || diskUuid === '' || diskUuid.length > MAX_DISK_UUID_LENGTH) {
    throw invalid(`diskUuid is not a text of 1 to ${MAX_DISK_UUID_LENGTH} characters`);
  }
  if (role !== 'voter' && role !== 'learner') throw invalid('role is neither voter nor learner');
  return { name, address, diskUuid, role };
}

function readApplyVersions(value: unknown): ApplyVersions {
  const { oldest, latest, ...rest } = objectOf(value);
  refuseUnknown(rest);
  const isRange = typeof oldest === 'number' && typeof latest === 'number' && oldest <= latest;
  if (isRange && Number.isSafeInteger(oldest) && Number.isSafeInteger(latest)) {
    return { oldest, latest };
  }
  throw invalid('applyVersions is not a range of versions');
}

/** @throws AdminError `invalid_request` */
export function readRegion(value: unknown): string {
  if (typeof value === 'string' && REGION.test(value)) return value;
  throw invalid('region is not a name of up to 63 small letters, digits and dashes');
}

/** @throws AdminError `invalid_request` */
export function readPromoteRegion(body: unknown): PromoteRegionRequest {
  const { region, confirm, ...rest } = objectOf(body);
  refuseUnknown(rest);
  const request = { region: readRegion(region) };
  if (confirm === undefined) return request;
  if (typeof confirm !== 'string') throw invalid('confirm is not CLUSTERID/EPOCH');
  return { ...request, confirm };
}

/** The member to hand leadership to; null: any. @throws AdminError `invalid_request` */
export function readTransfer(body: unknown): number | null {
  if (body === undefined) return null;
  const { to, ...rest } = objectOf(body);
  refuseUnknown(rest);
  return to === undefined || to === null ? null : readMemberId(to);
}

/** @throws AdminError `invalid_request` */
export function readMemberId(value: unknown): number {
  const id = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
  if (typeof id === 'number' && Number.isSafeInteger(id) && id > 0) return id;
  throw invalid('not a member id');
}

/** @throws AdminError `invalid_request` */
export function readFlag(query: URLSearchParams, name: string): boolean {
  const value = query.get(name);
  if (value === null || value === 'false') return false;
  if (value === 'true') return true;
  throw invalid(`${name} is neither true nor false`);
}

/** The point that a backup reaches; null where it begins. @throws AdminError `invalid_request` */
export function readBackupPoint(query: URLSearchParams): BackupPoint | null {
  const clusterId = query.get('clusterId');
  if (clusterId === null) return null;
  const numbers = ['epoch', 'index', 'term'].map((name) => Number(query.get(name) ?? Number.NaN));
  const [epoch = 0, index = 0, term = 0] = numbers;
  if (numbers.every((n) => Number.isSafeInteger(n) && n > 0)) {
    return { clusterId, epoch, index, term };
  }
  throw invalid('clusterId, epoch, index and term belong together');
}

function refuseUnknown(rest: UnknownObject): void {
  const [first] = Object.keys(rest);
  if (first !== undefined) throw invalid(`unknown field ${first.slice(0, 100)}`);
}

function objectOf(value: unknown): UnknownObject {
  if (isObject(value)) return value;
  throw invalid('the body is not a JSON object');
}

function isObject(value: unknown): value is UnknownObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(message: string): AdminError {
  return new AdminError('invalid_request', message);
}
