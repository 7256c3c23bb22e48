import {
  compileExpression,
  type Expression,
  type Lookup,
  type ModelPermissions,
  type ModelSchema,
  type RowRuleSpec,
} from '@lithair/crds';
import type { Actor, JsonObject } from '../ports/index.ts';

/** What may be done with a single row; `history` is a right to the past of rows that may be read. */
export type RowOperation = 'create' | 'read' | 'update' | 'delete' | 'history';

type RuleSpec = Omit<RowRuleSpec, 'operations'> & { readonly operations: readonly RowOperation[] };

/** A condition under which callers of some roles may do something with a row. */
export interface RowRule {
  readonly roles: readonly string[];
  readonly operations: readonly RowOperation[];
  /** Of the row that is there. */
  readonly using: Pick<Expression, 'holds' | 'lookups'> | null;
  /** Of the row as it would be written. */
  readonly check: Pick<Expression, 'holds'> | null;
}

/** Rows that a caller may do something with: all, none, or those that one of the rules lets. */
export type RowGrant = 'all' | 'none' | readonly RowRule[];

/** Compiled once for a model of a schema version. */
const compiled = new WeakMap<ModelSchema, readonly RowRule[]>();

/** The rules of a model for single rows; empty where all its rows are alike. */
export function rowRulesOf(model: ModelSchema): readonly RowRule[] {
  const known = compiled.get(model);
  if (known !== undefined) return known;
  const { permissions = {} } = model;
  const made = [
    ...ownerRules(permissions),
    ...publicRules(permissions),
    ...(permissions.rows ?? []),
  ].map((rule) => compileRule(model, rule));
  compiled.set(model, made);
  return made;
}

const OPERATIONS = ['create', 'read', 'update', 'delete', 'history'] as const;

/** Who is named in a row owns it. Nobody is who has proved no subject. */
function ownerRules({ owner, ...rights }: ModelPermissions): RuleSpec[] {
  const operations = OPERATIONS.filter((operation) => rights[operation]?.includes('Owner'));
  if (owner === undefined || operations.length === 0) return [];
  return [{ roles: ['Authenticated'], operations, using: `actor.id == self.${owner}` }];
}

function publicRules({ publicIf }: ModelPermissions): RowRuleSpec[] {
  return publicIf === undefined
    ? []
    : [{ roles: ['Public'], operations: ['read'], using: publicIf }];
}

function compileRule(model: ModelSchema, { roles, operations, using, check }: RuleSpec): RowRule {
  const present = using === undefined ? null : compileExpression(model, using, ['self', 'actor']);
  const written =
    check === undefined ? present : compileExpression(model, check, ['self', 'old', 'actor']);
  return { roles, operations, using: present, check: written };
}

/** The rows that two grants open of those that are there. */
export function bothGrants(one: RowGrant, other: RowGrant): RowGrant {
  if (one === 'none' || other === 'all') return one;
  if (other === 'none' || one === 'all') return other;
  return one.map((rule) => ({ ...rule, using: rule.using && alsoOpen(rule.using, other) }));
}

function alsoOpen(
  using: NonNullable<RowRule['using']>,
  rules: readonly RowRule[],
): NonNullable<RowRule['using']> {
  return {
    lookups: (actor) => using.lookups(actor),
    holds: (asked) => using.holds(asked) && rules.some((rule) => rule.using?.holds(asked) === true),
  };
}

/** Which rows a grant opens of those that are there. */
export function opens(grant: RowGrant, self: JsonObject, actor: Actor): boolean {
  if (typeof grant === 'string') return grant === 'all';
  const asked = { self, actor: { id: actor.subject, roles: actor.roles } };
  return grant.some(({ using }) => using?.holds(asked) === true);
}

/** Whether a grant lets a row be written; `old` is null where it is new. */
export function lets(
  grant: RowGrant,
  self: JsonObject,
  old: JsonObject | null,
  actor: Actor,
): boolean {
  if (typeof grant === 'string') return grant === 'all';
  const caller = { id: actor.subject, roles: actor.roles };
  return grant.some((rule) => {
    // The rule that opens the row has to let it become what it becomes.
    if (old !== null && rule.using?.holds({ self: old, actor: caller }) !== true) return false;
    return rule.check?.holds({ self, ...(old && { old }), actor: caller }) === true;
  });
}

/** Rows that a caller may read, where they may not read all. */
export interface RowScope {
  readonly lets: (row: JsonObject) => boolean;
  /** Each such row meets all conditions of at least one of the ways. */
  readonly ways: readonly (readonly Lookup[])[];
}

/** The rows that a grant opens; null where it opens all. */
export function scopeOf(grant: RowGrant, actor: Actor): RowScope | null {
  if (grant === 'all') return null;
  if (grant === 'none') return { lets: () => false, ways: [] };
  const caller = { id: actor.subject, roles: actor.roles };
  return {
    lets: (row) => opens(grant, row, actor),
    ways: grant.flatMap(({ using }) => using?.lookups(caller) ?? []),
  };
}
