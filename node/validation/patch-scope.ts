import type { FieldError } from '../ports/index.ts';
import type { JsonInput } from './json-reader.ts';
import {
  isObject,
  type PatchFormat,
  type PatchOperation,
  PatchRefusal,
  type Path,
  readOperations,
} from './patch.ts';
import { refuseUnknown } from './read-value.ts';
import { Report } from './report.ts';

/** The fields that a patch may speak of. */
export interface PatchScope {
  /** Fields that the caller may read or write. */
  readonly known: readonly string[];
  readonly unreadable: ReadonlySet<string>;
}

/**
 * Refuses what would tell something of a field that the caller may not read: a patch that looks
 * at it, or one that takes the row as a whole. Such a field may only be set, and as a whole.
 *
 * @throws PatchRefusal `invalid`
 */
export function requireScope(patch: JsonInput, format: PatchFormat, scope: PatchScope): void {
  if (format === 'merge') return requireMergeScope(patch, scope);
  for (const [at, operation] of readOperations(patch).entries()) {
    requireStep(operation, `/${at}`, scope);
  }
}

/** @throws PatchRefusal `invalid` for all that is no field to the caller */
function requireMergeScope(patch: JsonInput, { known, unreadable }: PatchScope): void {
  if (!isObject(patch)) return;
  const report = new Report();
  refuseUnknown(Object.keys(patch), new Set(known), '', report);
  const [first, ...more] = report.errors;
  if (first !== undefined) throw unknownField(first.pointer, more);
  for (const [name, value] of Object.entries(patch)) {
    if (unreadable.has(name) && isObject(value)) throw mergedUnseen('invalid', `/${name}`);
  }
}

/** An object in a merge patch is merged into the one that is there: what comes of it tells of that. */
function mergedUnseen(code: 'invalid' | 'forbidden_field', at: string): PatchRefusal {
  return new PatchRefusal(code, at, 'can only be set as a whole, which takes a JSON Patch');
}

function requireStep(operation: PatchOperation, at: string, scope: PatchScope): void {
  const isSetting = operation.op === 'add' || operation.op === 'replace';
  requirePath(operation.path, isSetting, `${at}/path`, scope);
  if ('from' in operation) requirePath(operation.from, false, `${at}/from`, scope);
}

function requirePath(path: Path, isSetting: boolean, at: string, scope: PatchScope): void {
  const [name] = path;
  if (name === undefined) {
    if (scope.unreadable.size === 0) return;
    throw new PatchRefusal('invalid', at, 'the whole is more than the caller may read');
  }
  const isSet = isSetting && path.length === 1 && scope.known.includes(name);
  if (isSet || (scope.known.includes(name) && !scope.unreadable.has(name))) return;
  throw unknownField(at);
}

function unknownField(at: string, more: readonly FieldError[] = []): PatchRefusal {
  return new PatchRefusal('invalid', at, 'is not a field of the model', 'unknown_field', more);
}

/** Fields of one row that the caller may not read. */
export interface RowScope {
  /** Only its owner may: no patch may look at them. */
  readonly unseen: readonly string[];
  /** What may not be set either: whatever the value, which would tell of what is there. */
  readonly closed: readonly string[];
}

/**
 * Refuses what would tell something of fields of a row that the caller may not read.
 *
 * @throws PatchRefusal `forbidden_field`
 */
export function requireRowScope(patch: JsonInput, format: PatchFormat, scope: RowScope): void {
  if (format === 'merge') {
    for (const [name, value] of isObject(patch) ? Object.entries(patch) : []) {
      if (scope.closed.includes(name)) throw closedField(`/${name}`);
      if (scope.unseen.includes(name) && isObject(value)) {
        throw mergedUnseen('forbidden_field', `/${name}`);
      }
    }
    return;
  }
  for (const [at, operation] of readOperations(patch).entries()) {
    const isSetting = operation.op === 'add' || operation.op === 'replace';
    requireOpen(operation.path, isSetting, `/${at}/path`, scope);
    if ('from' in operation) requireOpen(operation.from, false, `/${at}/from`, scope);
  }
}

function requireOpen(path: Path, isSetting: boolean, at: string, scope: RowScope): void {
  const [name] = path;
  if (name === undefined) throw notTheOwner(at);
  if (scope.closed.includes(name)) throw closedField(at);
  const isSet = isSetting && path.length === 1;
  if (!isSet && scope.unseen.includes(name)) throw notTheOwner(at);
}

function closedField(at: string): PatchRefusal {
  return new PatchRefusal('forbidden_field', at, 'cannot be set by the caller');
}

function notTheOwner(at: string): PatchRefusal {
  return new PatchRefusal('forbidden_field', at, 'is for the owner of the row');
}
