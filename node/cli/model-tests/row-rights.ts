// What the model says of single rows and a caller, read a second time and apart from the node.
import {
  compileExpression,
  type FieldSchema,
  type ModelPermissions,
  type ModelSchema,
} from '@lithair/crds';
import type { JsonObject } from '../../ports/index.ts';
import type { Callers } from './callers.ts';
import type { Bench } from './model-test.ts';
import type { SampleRow } from './sample-rows.ts';
import type { PreparedMove } from './transition-tests.ts';

/** What permission tests are made with: rows were made while everybody could. */
export interface AccessBench extends Bench {
  readonly callers: Callers;
  /** Rows to try things with; each is used once. */
  readonly stock: SampleRow[];
  /** Rows that may be deleted, of those that rights on rows speak of. */
  readonly doomed: SampleRow[];
  /** Rows that stand where transitions begin that are for some roles alone. */
  readonly moves: readonly PreparedMove[];
  /** Bodies that nothing has been made of. */
  readonly bodies: JsonObject[];
}

export type Operation = 'create' | 'read' | 'update' | 'delete';

/** What a role may do: everywhere, nowhere, or with some rows. */
export type Grant = 'all' | 'none' | 'some';

/** Roles of a caller who has one of these: everybody is Public, who has a key Authenticated. */
export function rolesWith(role: string): string[] {
  if (role === 'Public') return ['Public'];
  return role === 'Authenticated' ? ['Public', role] : ['Public', 'Authenticated', role];
}

export function grantOf(
  { permissions = {} }: ModelSchema,
  role: string,
  operation: Operation,
): Grant {
  const roles = rolesWith(role);
  const named = permissions[operation] ?? [];
  if (named.some((one) => roles.includes(one))) return 'all';
  const isOwner = named.includes('Owner') && roles.includes('Authenticated');
  const isPublic = operation === 'read' && permissions.publicIf !== undefined;
  const isRuled = (permissions.rows ?? []).some(
    (rule) => rule.operations.includes(operation) && rule.roles.some((one) => roles.includes(one)),
  );
  return isOwner || isPublic || isRuled ? 'some' : 'none';
}

export function mayField(
  { permissions }: FieldSchema,
  right: 'read' | 'write',
  role: string,
): boolean {
  const named = permissions?.[right];
  return named === undefined || named.some((one) => rolesWith(role).includes(one));
}

export function actorOf({ callers }: AccessBench, role: string) {
  const isNamed = role !== 'Public' && role !== 'Authenticated';
  return { id: callers.subjectOf(role), roles: isNamed ? [role] : [] };
}

interface Condition {
  readonly using: string | undefined;
  readonly check: string | undefined;
}

/** Rules that give a role this operation with some rows. */
export function conditionsOf(model: ModelSchema, role: string, operation: Operation): Condition[] {
  const { owner, publicIf, rows = [], ...named }: ModelPermissions = model.permissions ?? {};
  const roles = rolesWith(role);
  const owns = owner !== undefined && named[operation]?.includes('Owner') && role !== 'Public';
  return [
    ...(owns ? [{ using: `actor.id == self.${owner}`, check: undefined }] : []),
    ...(operation === 'read' && publicIf !== undefined
      ? [{ using: publicIf, check: undefined }]
      : []),
    ...rows
      .filter((rule) => rule.operations.includes(operation))
      .filter((rule) => rule.roles.some((one) => roles.includes(one)))
      .map(({ using, check }) => ({ using, check })),
  ];
}

/** Whether a row that is there is open to a role, for an operation. */
export function opens(
  bench: AccessBench,
  role: string,
  operation: Operation,
  row: JsonObject,
): boolean {
  const grant = grantOf(bench.model, role, operation);
  if (grant !== 'some') return grant === 'all';
  return conditionsOf(bench.model, role, operation).some(({ using }) =>
    meets(bench, role, using, { self: row }),
  );
}

/** Whether a role may leave a row like this; `old` is null where it is new. */
export function lets(
  bench: AccessBench,
  role: string,
  self: JsonObject,
  old: JsonObject | null,
): boolean {
  const operation = old === null ? 'create' : 'update';
  const grant = grantOf(bench.model, role, operation);
  if (grant !== 'some') return grant === 'all';
  return conditionsOf(bench.model, role, operation).some(
    ({ using, check }) =>
      (old === null || meets(bench, role, using, { self: old })) &&
      meets(bench, role, check ?? using, { self, ...(old && { old }) }),
  );
}

function meets(
  bench: AccessBench,
  role: string,
  text: string | undefined,
  rows: { readonly self: JsonObject; readonly old?: JsonObject },
): boolean {
  if (text === undefined) return false;
  const expression = compileExpression(bench.model, text, ['self', 'old', 'actor']);
  return expression.holds({ ...rows, actor: actorOf(bench, role) });
}

/** A sample as it is stored: null where nothing stands. */
export function storedRow({ fields }: ModelSchema, row: SampleRow['row']): JsonObject {
  const stored: JsonObject = JSON.parse(JSON.stringify(row));
  for (const { name } of fields) stored[name] ??= null;
  return stored;
}
