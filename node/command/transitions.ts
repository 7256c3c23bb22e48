import {
  compileExpression,
  type Expression,
  type FieldSchema,
  type ModelSchema,
  type TransitionSpec,
} from '@lithair/crds';
import { type Change, isPut } from '../entry/index.ts';
import type { Actor, JsonObject } from '../ports/index.ts';
import { type Conflict, parseRow, type RowsView } from '../state/index.ts';
import { ownsRow } from '../values/index.ts';
import type { LiveRow } from './overlay.ts';
import { conflict } from './refusal.ts';

interface MovedRows extends Pick<RowsView, 'plan'> {
  find(model: string, id: string): LiveRow | undefined;
}

interface Transition extends TransitionSpec {
  readonly condition: Expression | null;
}

interface StateField {
  readonly name: string;
  readonly initial: string;
  readonly transitions: readonly Transition[];
}

/** What becomes of the states of a row by one change. */
export interface Moves {
  readonly refused: readonly Conflict[];
  /** Names that the transitions have. */
  readonly events: readonly string[];
}

const NO_MOVES: Moves = { refused: [], events: [] };

/** Compiled once for a model of a schema version. */
const compiled = new WeakMap<ModelSchema, readonly StateField[]>();

function stateFieldsOf(model: ModelSchema): readonly StateField[] {
  const known = compiled.get(model);
  if (known !== undefined) return known;
  const made = model.fields.flatMap((field) => stateField(model, field));
  compiled.set(model, made);
  return made;
}

function stateField(model: ModelSchema, { name, states }: FieldSchema): StateField[] {
  if (states === undefined) return [];
  const { initial, transitions } = states;
  const compile = (when: string) => compileExpression(model, when, ['self', 'old', 'actor']);
  const made = transitions.map((transition) => {
    const { when } = transition;
    return { ...transition, condition: when === undefined ? null : compile(when) };
  });
  return [{ name, initial, transitions: made }];
}

/**
 * Judges by their state machines what a change would make of the fields of a row. A row that comes
 * back as it was does not begin anew, and deleting one is no transition.
 *
 * @param at place of the change in its entry
 */
export function movesOf(rows: MovedRows, change: Change, at: number, actor: Actor): Moves {
  const schema = rows.plan(change.model)?.schema;
  if (schema === undefined || !isPut(change) || change.events !== undefined) return NO_MOVES;
  const fields = stateFieldsOf(schema);
  if (fields.length === 0) return NO_MOVES;
  const self = parseRow(change.json);
  const before = change.effect === 'created' ? undefined : rows.find(change.model, change.id);
  const old = before === undefined ? null : parseRow(before.json);
  const isOwner = old !== null && ownsRow(schema, old, actor);
  const moved = { self, old, actor, roles: rolesIn(actor, isOwner) };
  const found = fields.map((field) => moveOf(field, moved, at));
  return {
    refused: found.flatMap(({ refused }) => refused),
    events: [...new Set(found.flatMap(({ events }) => events))],
  };
}

interface Moved {
  readonly self: JsonObject;
  /** Null where the row is new. */
  readonly old: JsonObject | null;
  readonly actor: Actor;
  /** Of the actor, in this row. */
  readonly roles: readonly string[];
}

function moveOf(field: StateField, moved: Moved, at: number): Moves {
  const { name, initial, transitions } = field;
  const [from, to] = [stateIn(moved.old, name), stateIn(moved.self, name)];
  // Validated, a row has one of the states.
  if (from === to || to === null) return NO_MOVES;
  if (from === null) {
    if (to === initial) return NO_MOVES;
    return refusal('transition_refused', at, name, `begins as ${initial}`);
  }
  const declared = transitions.filter((each) => each.to === to && each.from.includes(from));
  if (declared.length === 0) {
    return refusal('transition_refused', at, name, sourcesOf(field, to));
  }
  const own = declared.filter(
    ({ roles }) => roles?.some((one) => moved.roles.includes(one)) ?? true,
  );
  if (own.length === 0) {
    return refusal('forbidden_field', at, name, `is made ${to} by others than the caller`);
  }
  const taken = own.find(({ condition }) => condition === null || isMet(condition, moved));
  if (taken === undefined) {
    const message = `cannot become ${to} yet: its condition does not hold`;
    return refusal('transition_refused', at, name, message);
  }
  return { refused: [], events: taken.event === undefined ? [] : [taken.event] };
}

/** Null where a row is from before there were states, or is not there. */
function stateIn(row: JsonObject | null, name: string): string | null {
  const state = row?.[name];
  return typeof state === 'string' ? state : null;
}

/** By the model alone: whoever writes the field need not be one who may read what it is. */
function sourcesOf({ transitions }: StateField, to: string): string {
  const sources = transitions.filter((each) => each.to === to).flatMap(({ from }) => from);
  const names = [...new Set(sources)];
  if (names.length === 0) return `never becomes ${to} again`;
  return `becomes ${to} only from ${names.join(', ')}`;
}

function isMet(condition: Expression, { self, old, actor }: Moved): boolean {
  const caller = { id: actor.subject, roles: actor.roles };
  return condition.holds({ self, ...(old && { old }), actor: caller });
}

/** Everybody is Public; whoever proved a subject is Authenticated, and owner of the row as it was. */
function rolesIn({ method, roles }: Actor, isOwner: boolean): string[] {
  if (method === 'none') return ['Public'];
  return ['Public', 'Authenticated', ...roles, ...(isOwner ? ['Owner'] : [])];
}

function refusal(
  code: 'transition_refused' | 'forbidden_field',
  at: number,
  name: string,
  message: string,
): Moves {
  return { refused: [conflict(code, at, name, `${name} ${message}`)], events: [] };
}
