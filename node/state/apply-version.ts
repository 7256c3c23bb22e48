import type { ModelSchema, Schema, ValueSchema } from '@lithair/crds';
import { APPLY_VERSION, OLDEST_APPLY_VERSION } from '../entry/index.ts';
import { StateError } from './errors.ts';

/** @throws StateError `apply_version` where this member cannot take part in such a cluster */
export function requireSupported(inForce: number, latest = APPLY_VERSION): void {
  if (inForce > latest) {
    const text = `the cluster is at apply version ${inForce}, this member takes part up to ${latest}`;
    throw new StateError('apply_version', `${text}: update it`);
  }
  if (inForce >= OLDEST_APPLY_VERSION) return;
  const text = `the cluster is at apply version ${inForce}, this binary begins with ${OLDEST_APPLY_VERSION}`;
  throw new StateError('apply_version', `${text}: update by way of the versions between`);
}

/**
 * From this apply version on, models have indexes over several fields and keys that are made, rows
 * go or change with the row that they refer to, and rules judge rows: a leader that knows none of
 * them would let through what they refuse.
 */
const RELATED_ROWS = 6;

/**
 * From this apply version on, a schema holds the models of deleted rows, rows go by themselves,
 * fields are computed or have states, and indexes are of a part of the rows: a member that knows
 * none of it would delete rows for good, show those whose time has come, store what clients send,
 * make other keys, and let everybody write what is for owners, or read the past.
 */
const LIVES_AND_MADE_VALUES = 7;

/** The apply version whose members know everything that a schema says; 0: all of them do. */
export function neededBySchema({ models }: Schema): number {
  if (models.some(isNewest) || models.some(isObserved)) return LIVES_AND_MADE_VALUES;
  return models.some(isRecent) ? RELATED_ROWS : 0;
}

/** A member that knows neither would answer without traces and entries of the audit log. */
function isObserved({ tracing, auditAllOperations }: ModelSchema): boolean {
  return tracing !== undefined || auditAllOperations !== undefined;
}

function isNewest(model: ModelSchema): boolean {
  const { deletedOf, usedBy, lifecycle, fields, indexes = [], permissions } = model;
  const isSaid = [deletedOf, usedBy, lifecycle?.ttl, permissions?.history].some(
    (said) => said !== undefined,
  );
  const isPartial = indexes.some(({ where }) => where !== undefined);
  const isMade = fields.some(
    ({ computed, states, encrypted, audited }) =>
      (computed ?? states ?? encrypted ?? audited) !== undefined,
  );
  return isSaid || isPartial || isMade || fields.some(isForOwners) || fields.some(isRepresented);
}

/** A member that does not know would answer with strings. */
function isRepresented({ representation, items, fields = [] }: ValueSchema): boolean {
  const isInside = items !== undefined && isRepresented(items);
  return representation !== undefined || isInside || fields.some(isRepresented);
}

function isForOwners({ permissions = {} }: ModelSchema['fields'][number]): boolean {
  return [permissions.read, permissions.write].some((roles) => roles?.includes('Owner') === true);
}

function isRecent({ indexes, rules, permissions, fields }: ModelSchema): boolean {
  const { owner, publicIf, rows } = permissions ?? {};
  const isSaid = [indexes, rules, owner, publicIf, rows].some((said) => said !== undefined);
  return isSaid || fields.some(isRecentField);
}

function isRecentField({
  onDelete = 'restrict',
  inverse,
  template,
  collation,
}: ModelSchema['fields'][number]): boolean {
  const isSaid = [inverse, template, collation].some((said) => said !== undefined);
  return isSaid || onDelete !== 'restrict';
}
