import { hash } from 'node:crypto';
import type { ModelSchema } from '@lithair/crds';
import {
  type LiveRow,
  type MergePatch,
  type PlannedRows,
  planCommand,
  type RowAccess,
} from '../command/index.ts';
import { type Change, compareStamps, isPut, type LocalChange } from '../entry/index.ts';
import type { Command, CommandEnvelope, IndexKey, JsonObject, Outcome } from '../ports/index.ts';
import {
  type ModelPlan,
  parseRow,
  type ReplicatedState,
  rowKeys,
  stampOf,
} from '../state/index.ts';
import type { LocalRow, LocalRows } from './local-rows.ts';

/** What a command comes to on the rows that this node sees. */
export type LocalPlan =
  | {
      readonly kind: 'write';
      readonly effect: 'created' | 'updated' | 'deleted';
      readonly changes: readonly LocalChange[];
    }
  | { readonly kind: 'rejected'; readonly outcome: Outcome };

/** Where a command is planned. */
export interface LocalPlanning {
  readonly state: ReplicatedState;
  readonly rows: LocalRows;
  readonly mergePatch: MergePatch;
  readonly rowAccess: RowAccess;
  readonly nowMs: number;
  readonly random: (size: number) => Uint8Array;
}

/**
 * Decides what a command changes, by the rules of the leader, on what this node sees. A write that
 * changes nothing is one all the same: it has to win over earlier ones that are not known here yet.
 */
export function planLocally(planning: LocalPlanning, envelope: CommandEnvelope): LocalPlan {
  const { state, mergePatch, rowAccess, nowMs, random } = planning;
  const rows = new LocalView(state, planning.rows);
  const command = withKnownIds(envelope, state);
  const { actor } = envelope;
  const making = { nowMs: Math.floor(nowMs), random, actor };
  const context = {
    rows,
    ...making,
    schema: state.schema,
    mergePatch,
    rowAccess,
    nextNumber: noNumber,
  };
  const plan = planCommand(context, command);
  switch (plan.kind) {
    case 'rejected':
      return plan;
    case 'change':
      return {
        kind: 'write',
        effect: effectOf(plan.changes),
        changes: plan.changes.flatMap((change) => localChange(change)),
      };
    case 'unchanged': {
      const { model, aggregate } = plan;
      const { id, json } = aggregate;
      const layout = state.plan(model);
      if (json === null || layout === undefined) throw new Error('an unchanged row is there');
      const keys = rowKeys(layout, parseRow(json));
      return {
        kind: 'write',
        effect: 'updated',
        changes: [{ effect: 'put', model, id, json, keys }],
      };
    }
  }
}

/** A model that nodes write by themselves has no key that counts. */
function noNumber(): null {
  return null;
}

function effectOf(changes: readonly Change[]): 'created' | 'updated' | 'deleted' {
  const effect = changes[0]?.effect ?? 'updated';
  return effect === 'unchanged' ? 'updated' : effect;
}

function localChange(change: Change): LocalChange[] {
  const { model, id, events } = change;
  const named = events === undefined ? {} : { events };
  if (isPut(change)) {
    return [{ effect: 'put', model, id, json: change.json, keys: change.keys, ...named }];
  }
  return change.effect === 'deleted' ? [{ effect: 'deleted', model, id, ...named }] : [];
}

/**
 * A creation with an Idempotency-Key and without an id gets one that follows from the key: sent
 * again to a node that does not know of it yet, it is the same row.
 */
function withKnownIds({ command, idempotency }: CommandEnvelope, state: ReplicatedState): Command {
  const schema = state.plan(command.model)?.schema;
  if (idempotency === null || schema === undefined || !generatesIds(schema)) return command;
  const { scope } = idempotency;
  if (command.kind === 'create') {
    return { ...command, body: withId(command.body, schema, scope, 0) };
  }
  if (command.kind !== 'createMany') return command;
  return {
    ...command,
    bodies: command.bodies.map((body, at) => withId(body, schema, scope, at)),
  };
}

function generatesIds({ fields, primaryKey }: ModelSchema): boolean {
  return fields.some(
    ({ name, type, required }) => name === primaryKey && type === 'uuid' && !required,
  );
}

function withId(
  body: JsonObject,
  { primaryKey }: ModelSchema,
  scope: string,
  at: number,
): JsonObject {
  const given = body[primaryKey] ?? null;
  return given === null ? { ...body, [primaryKey]: uuidOf(`${scope}/${at}`) } : body;
}

/** A uuid of version 8 (RFC 9562, section 5.8) out of a text. */
function uuidOf(text: string): string {
  const digits = hash('sha256', text, 'hex');
  const variant = ((Number.parseInt(digits.charAt(16), 16) & 3) | 8).toString(16);
  const parts = [digits.slice(0, 8), digits.slice(8, 12), `8${digits.slice(13, 16)}`];
  return [...parts, `${variant}${digits.slice(17, 20)}`, digits.slice(20, 32)].join('-');
}

/** Rows as this node sees them, in the terms of the command room. */
class LocalView implements PlannedRows {
  readonly #state: ReplicatedState;
  readonly #rows: LocalRows;

  constructor(state: ReplicatedState, rows: LocalRows) {
    this.#state = state;
    this.#rows = rows;
  }

  plan(model: string): ModelPlan | undefined {
    return this.#state.plan(model);
  }

  find(model: string, id: string): LiveRow | undefined {
    const local = this.#winning(model, id);
    if (local === undefined) return this.#state.find(model, id);
    return local.json === null ? undefined : { version: 1, json: local.json };
  }

  /** Any version will do: none is compared when the write is applied. */
  versionOf(model: string, id: string): number {
    return this.find(model, id)?.version ?? 0;
  }

  deletedVersion(): number {
    return 0;
  }

  /** Such a model has no unique field, and nothing refers to it. */
  holder(): undefined {
    return undefined;
  }

  holders(): Iterable<IndexKey> {
    return [];
  }

  #winning(model: string, id: string): LocalRow | undefined {
    const local = this.#rows.of(model)?.get(id);
    const mark = local && this.#state.model(model)?.mark(id);
    if (local === undefined || mark === undefined) return local;
    return compareStamps(local.stamp, stampOf(mark)) > 0 ? local : undefined;
  }
}
