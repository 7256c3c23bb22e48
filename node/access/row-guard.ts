import type { ModelSchema, Schema } from '@lithair/crds';
import type { Actor, JsonObject } from '../ports/index.ts';
import { Rights, rowsFor } from './rights.ts';
import { lets, opens, type RowGrant, type RowOperation, rowRulesOf } from './row-rules.ts';
import { unknownFields } from './visible-model.ts';

/** What a caller may do with single rows of a model that has rules for them. */
class RowGuard {
  readonly #model: ModelSchema;
  readonly #actor: Actor;
  /** They are the same for all rows of a command. */
  readonly #grants: Partial<Record<RowOperation, RowGrant>> = {};

  constructor(model: ModelSchema, actor: Actor) {
    this.#model = model;
    this.#actor = actor;
  }

  /** A row that the caller may not read is one that is not there, unless they may read none. */
  existing(operation: 'update' | 'delete', row: JsonObject): 'open' | 'forbidden' | 'hidden' {
    const readable = this.#rows('read');
    const isOpen = opens(this.#rows(operation), row, this.#actor);
    if (readable === 'none') return isOpen ? 'open' : 'hidden';
    if (!opens(readable, row, this.#actor)) return 'hidden';
    return isOpen ? 'open' : 'forbidden';
  }

  /** Whether the caller may leave the row like this; `before` is null where it is new. */
  written(row: JsonObject, before: JsonObject | null): boolean {
    const grant = this.#rows(before === null ? 'create' : 'update');
    return lets(grant, row, before, this.#actor);
  }

  #rows(operation: RowOperation): RowGrant {
    const known = this.#grants[operation];
    if (known !== undefined) return known;
    const grant = rowsFor(this.#actor, this.#model, operation);
    this.#grants[operation] = grant;
    return grant;
  }
}

/** The guard of a model's rows; null where a caller may do the same with all of them. */
function rowGuard(schema: Schema, model: ModelSchema, actor: Actor): RowGuard | null {
  if (schema.auth === undefined || rowRulesOf(model).length === 0) return null;
  return new RowGuard(model, actor);
}

function closedFields(schema: Schema, model: ModelSchema, actor: Actor) {
  const rights = new Rights(schema).of(actor, model);
  return { unreadable: rights.unreadable, unknown: unknownFields(model, rights) };
}

/** What the leader asks of single rows, and of what it may tell of them. */
export const rowAccess = { judge: rowGuard, closed: closedFields } as const;
