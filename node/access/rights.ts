import type { FieldSchema, ModelSchema, Schema } from '@lithair/crds';
import type { Actor } from '../ports/index.ts';

/** What a caller wants to do with the aggregates of a model. */
export type AccessOperation = 'create' | 'read' | 'list' | 'update' | 'delete';

/** What callers of some roles may do with one model. */
export interface ModelRights {
  readonly may: (operation: AccessOperation) => boolean;
  /** Fields that the caller never sees; empty where all may be seen. */
  readonly unreadable: ReadonlySet<string>;
  /** Fields that the caller never sets. */
  readonly unwritable: ReadonlySet<string>;
}

/** The rights on every model, told apart by the roles that matter. */
export class Rights {
  readonly #isOpen: boolean;
  /** Roles that some permission names. */
  readonly #named: ReadonlySet<string>;

  constructor(schema: Schema) {
    this.#isOpen = schema.auth === undefined;
    this.#named = new Set(schema.models.flatMap(rolesNamedIn));
  }

  /** Equal for callers who have the same rights: the roles of theirs that count, sorted. */
  keyOf(actor: Actor): string {
    if (this.#isOpen) return '';
    return rolesOf(actor)
      .filter((role) => this.#named.has(role))
      .toSorted()
      .join(' ');
  }

  /** The rights of a caller on one model. Where `auth.mode` is `open` everybody may everything. */
  of(actor: Actor, model: ModelSchema): ModelRights {
    const hidden = model.fields.filter((field) => field.hidden === true);
    if (this.#isOpen) {
      const names = new Set(hidden.map(({ name }) => name));
      return { may: () => true, unreadable: names, unwritable: names };
    }
    const roles = new Set(rolesOf(actor));
    const unwritable = namesOf(model.fields, ({ permissions }) => permissions?.write, roles);
    const isComplete = !model.fields.some((field) => unwritable.has(field.name) && isSent(field));
    return {
      may: (operation) =>
        hasOne(model.permissions?.[rightOf(operation)] ?? [], roles) &&
        (operation !== 'create' || isComplete),
      unreadable: namesOf(model.fields, ({ permissions }) => permissions?.read, roles),
      unwritable,
    };
  }
}

/** Whether a new row needs the client's value: who may not give it cannot create one. */
function isSent(field: FieldSchema): boolean {
  return field.required && field.default === undefined && field.defaultFrom === undefined;
}

/** Everybody is Public; whoever proved a subject is Authenticated. */
function rolesOf({ method, roles }: Actor): string[] {
  return method === 'none' ? ['Public'] : ['Public', 'Authenticated', ...roles];
}

function rightOf(operation: AccessOperation): 'create' | 'read' | 'update' | 'delete' {
  return operation === 'list' ? 'read' : operation;
}

function rolesNamedIn({ permissions = {}, fields }: ModelSchema): string[] {
  const ofFields = fields.flatMap((field) => Object.values(field.permissions ?? {}));
  return [...Object.values(permissions), ...ofFields].flat();
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
