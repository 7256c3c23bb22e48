import { computedFields, type FieldSchema, type ModelSchema, type Schema } from '@lithair/crds';
import type { Actor } from '../ports/index.ts';
import { bothGrants, type RowGrant, type RowOperation, rowRulesOf } from './row-rules.ts';

/** What a caller wants to do with the aggregates of a model. */
export type AccessOperation = 'create' | 'read' | 'list' | 'history' | 'update' | 'delete';

/** What callers of some roles may do with one model. */
export interface ModelRights {
  readonly may: (operation: AccessOperation) => boolean;
  /** The rows that the caller may do it with. */
  readonly rows: (operation: RowOperation) => RowGrant;
  /** The rows whose past they may read, of those that they may read. */
  readonly past: RowGrant;
  /** Fields that the caller never sees; empty where all may be seen. */
  readonly unreadable: ReadonlySet<string>;
  /** Fields that the caller never sets. */
  readonly unwritable: ReadonlySet<string>;
  /** Fields that the caller sees or sets in the rows that they own, and in no others. */
  readonly owned: OwnedFields;
}

/** What a caller has of fields as the owner of a row alone. */
export interface OwnedFields {
  /** Seen in own rows. */
  readonly unreadable: ReadonlySet<string>;
  /** Set in own rows. */
  readonly unwritable: ReadonlySet<string>;
}

const NOT_BY_ROW: OwnedFields = { unreadable: new Set(), unwritable: new Set() };

/** The rights on every model, told apart by the roles that matter. */
export class Rights {
  readonly #isOpen: boolean;
  /** Roles that some permission names. */
  readonly #named: ReadonlySet<string>;
  readonly #originals: ReadonlyMap<string, ModelSchema>;
  /** Callers come again as the same objects, as long as what they show is remembered. */
  readonly #keys = new WeakMap<Actor, string>();

  constructor(schema: Schema) {
    this.#isOpen = schema.auth === undefined;
    this.#named = new Set(schema.models.flatMap(rolesNamedIn));
    this.#originals = new Map(schema.models.map((model) => [model.name, model]));
  }

  /** Deleted rows keep what was computed of them, and the model that they were of says of what. */
  #computing(model: ModelSchema): ModelSchema {
    return this.#originals.get(model.deletedOf ?? '') ?? model;
  }

  /** Equal for callers who have the same rights: the roles of theirs that count, sorted. */
  keyOf(actor: Actor): string {
    if (this.#isOpen) return '';
    const known = this.#keys.get(actor);
    if (known !== undefined) return known;
    const key = rolesOf(actor)
      .filter((role) => this.#named.has(role))
      .toSorted()
      .join(' ');
    this.#keys.set(actor, key);
    return key;
  }

  /** The rights of a caller on one model. Where `auth.mode` is `open` everybody may everything. */
  of(actor: Actor, model: ModelSchema): ModelRights {
    const hidden = model.fields.filter((field) => field.hidden === true);
    if (this.#isOpen) {
      const names = new Set(hidden.map(({ name }) => name));
      const owned = NOT_BY_ROW;
      return {
        may: () => true,
        rows: () => 'all',
        past: 'all',
        unreadable: names,
        unwritable: names,
        owned,
      };
    }
    const roles = new Set(rolesOf(actor));
    const asOwner = ownerRoles(model, roles);
    const unwritable = unwritableOf(model, asOwner);
    const isComplete = !model.fields.some((field) => unwritable.has(field.name) && isSent(field));
    const rows = (operation: RowOperation) => rowGrant(model, operation, roles);
    return {
      may: (operation) =>
        rows(rightOf(operation)) !== 'none' && (operation !== 'create' || isComplete),
      rows,
      past: rows('history'),
      ...this.#fieldsOf(model, rows('read'), roles, asOwner),
      unwritable,
    };
  }

  /** What is closed to the caller but open to them as an owner depends on the row. */
  #fieldsOf(
    model: ModelSchema,
    rows: RowGrant,
    roles: ReadonlySet<string>,
    asOwner: ReadonlySet<string>,
  ): Pick<ModelRights, 'unreadable' | 'owned'> {
    const computing = this.#computing(model);
    const unreadable = unreadableOf(model, computing, rows, asOwner);
    const inRowsOfOthers = unreadableOf(model, computing, rows, roles);
    const unwritable = unwritableOf(model, roles);
    return {
      unreadable,
      owned: {
        unreadable: inRowsOfOthers.difference(unreadable),
        unwritable: unwritable.difference(unwritableOf(model, asOwner)),
      },
    };
  }
}

/** The roles of a caller in the rows that they own: nobody owns one who has proved no subject. */
function ownerRoles({ permissions }: ModelSchema, roles: ReadonlySet<string>): Set<string> {
  const canOwn = permissions?.owner !== undefined && roles.has('Authenticated');
  return new Set(canOwn ? [...roles, 'Owner'] : roles);
}

function unwritableOf({ fields }: ModelSchema, roles: ReadonlySet<string>): Set<string> {
  return namesOf(fields, ({ permissions }) => permissions?.write, roles);
}

/** The rows of a model that a caller may do something with, under `auth.mode: tokens`. */
export function rowsFor(actor: Actor, model: ModelSchema, operation: RowOperation): RowGrant {
  return rowGrant(model, operation, new Set(rolesOf(actor)));
}

/** Deleted rows are for those who may both read and delete the rows that they were. */
function rowGrant(
  model: ModelSchema,
  operation: RowOperation,
  roles: ReadonlySet<string>,
): RowGrant {
  if (operation === 'history') return pastGrant(model, roles);
  if (model.deletedOf === undefined) return declaredGrant(model, operation, roles);
  return bothGrants(declaredGrant(model, 'read', roles), declaredGrant(model, 'delete', roles));
}

/** Without a right of its own, the past is for who may read the present. */
function pastGrant(model: ModelSchema, roles: ReadonlySet<string>): RowGrant {
  const readable = rowGrant(model, 'read', roles);
  if (model.permissions?.history === undefined) return readable;
  return bothGrants(readable, declaredGrant(model, 'history', roles));
}

function declaredGrant(
  model: ModelSchema,
  operation: RowOperation,
  roles: ReadonlySet<string>,
): RowGrant {
  if (hasOne(model.permissions?.[operation] ?? [], roles)) return 'all';
  const rules = rowRulesOf(model).filter(
    (rule) => rule.operations.includes(operation) && hasOne(rule.roles, roles),
  );
  return rules.length === 0 ? 'none' : rules;
}

/** Who may read no row knows of what they write the key alone. */
function unreadableOf(
  model: ModelSchema,
  computing: ModelSchema,
  rows: RowGrant,
  roles: ReadonlySet<string>,
): Set<string> {
  const { fields, primaryKey } = model;
  if (rows !== 'none') {
    return withComputed(
      computing,
      namesOf(fields, ({ permissions }) => permissions?.read, roles),
    );
  }
  return new Set(fields.map(({ name }) => name).filter((name) => name !== primaryKey));
}

/**
 * What is computed of a field that the caller may not read tells of it: it is not read either, unless
 * the model says of itself who may.
 */
function withComputed(model: ModelSchema, unreadable: Set<string>): Set<string> {
  for (const { name, computation } of computedFields(model)) {
    const field = model.fields.find((candidate) => candidate.name === name);
    if (field?.permissions?.read !== undefined) continue;
    if (!unreadable.isDisjointFrom(computation.reads.self)) unreadable.add(name);
  }
  return unreadable;
}

/** Whether a new row needs the client's value: who may not give it cannot create one. */
function isSent(field: FieldSchema): boolean {
  return field.required && field.default === undefined && field.defaultFrom === undefined;
}

/** Everybody is Public; whoever proved a subject is Authenticated. */
function rolesOf({ method, roles }: Actor): string[] {
  return method === 'none' ? ['Public'] : ['Public', 'Authenticated', ...roles];
}

function rightOf(operation: AccessOperation): RowOperation {
  return operation === 'list' ? 'read' : operation;
}

function rolesNamedIn(model: ModelSchema): string[] {
  const { permissions = {} } = model;
  const { create = [], read = [], update = [], delete: deleted = [], history = [] } = permissions;
  const ofFields = model.fields.flatMap((field) => Object.values(field.permissions ?? {}));
  const ofRows = rowRulesOf(model).map(({ roles }) => roles);
  const named = [create, read, update, deleted, history, ...ofFields, ...ofRows].flat();
  // Who has proved a subject may own a row.
  return named.includes('Owner') ? [...named, 'Authenticated'] : named;
}

/** The fields that are hidden, or whose named roles are none of the caller's. */
function namesOf(
  fields: readonly FieldSchema[],
  named: (field: FieldSchema) => readonly string[] | undefined,
  roles: ReadonlySet<string>,
): Set<string> {
  const closed = fields.filter((field) => {
    const allowed = named(field);
    return field.hidden === true || (allowed !== undefined && !hasOne(allowed, roles));
  });
  return new Set(closed.map(({ name }) => name));
}

function hasOne(wanted: readonly string[], roles: ReadonlySet<string>): boolean {
  return wanted.some((role) => roles.has(role));
}
