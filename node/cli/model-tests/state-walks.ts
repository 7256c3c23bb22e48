// Rows that are brought from one state to another, while everybody may.
import { compileExpression, type FieldSchema, type TransitionSpec } from '@lithair/crds';
import type { JsonObject } from '../../ports/index.ts';
import { type Bench, NotDerived } from './model-test.ts';
import { holdsOfNew, rulesOf, searchBody } from './row-search.ts';
import type { SampleRow } from './sample-rows.ts';

export interface Step {
  readonly from: string;
  readonly to: string;
  readonly when: string | undefined;
}

export type StateField = FieldSchema & Required<Pick<FieldSchema, 'states'>>;

export function hasStates(field: FieldSchema): field is StateField {
  return field.states !== undefined && field.hidden !== true;
}

export function waysOf(
  { states }: StateField,
  from: string,
  to: string,
): readonly TransitionSpec[] {
  return states.transitions.filter((way) => way.to === to && way.from.includes(from));
}

/** The shortest way from the first state to another. */
export function pathTo(
  transitions: readonly TransitionSpec[],
  initial: string,
  goal: string,
): Step[] {
  const paths = new Map<string, Step[]>([[initial, []]]);
  for (const [from, path] of paths) {
    if (from === goal) return path;
    for (const way of transitions.filter((one) => one.from.includes(from))) {
      if (paths.has(way.to)) continue;
      paths.set(way.to, [...path, { from, to: way.to, when: way.when }]);
    }
  }
  throw new NotDerived(`no transitions lead from ${initial} to ${goal}`);
}

export interface Walk {
  readonly steps: readonly Step[];
  readonly from: string;
  readonly to: string;
  /** Conditions of the transition itself. */
  readonly last: readonly string[];
  /** False for a row for which none of them holds. */
  readonly areMet?: boolean;
  readonly given: JsonObject;
}

/**
 * A row that stands at the beginning of a transition.
 *
 * @throws NotDerived where none is found
 */
export async function walked(bench: Bench, name: string, walk: Walk): Promise<SampleRow> {
  const { node, rows, model } = bench;
  const { [model.primaryKey]: _key, ...values } = await walkable(bench, name, walk);
  const row = await rows.create(model, values);
  for (const { to } of walk.steps) {
    const answer = await node.patch(row.path, { [name]: to });
    if (answer.status !== 200) {
      throw new NotDerived(`a row could not be brought to ${walk.from}: ${answer.text}`);
    }
  }
  return row;
}

/** A body for which every step may be taken, and the transition as it is wanted. */
async function walkable({ rows, model }: Bench, name: string, walk: Walk): Promise<JsonObject> {
  const { steps, given, from, to, last, areMet = true } = walk;
  const conditions = [
    ...steps.map((step) => ({ ...step, isMet: true })),
    ...last.map((when) => ({ from, to, when, isMet: areMet })),
  ].flatMap(({ when, ...step }) =>
    when === undefined ? [] : [{ ...step, when: compileExpression(model, when, VARIABLES) }],
  );
  const rules = rulesOf(model);
  const texts = [...conditions.map(({ when }) => when), ...rules.map((rule) => rule.expression)];
  const spoken = texts.flatMap(({ reads }) => [...reads.self, ...reads.old]);
  const isWanted = (row: JsonObject) =>
    rules.every((rule) => holdsOfNew(rule, row)) &&
    conditions.every((step) => {
      const self = { ...row, [name]: step.to };
      const old = { ...row, [name]: step.from };
      return step.when.holds({ self, old, actor: NOBODY }) === step.isMet;
    });
  const body = searchBody(
    model,
    await rows.body(model, given),
    spoken.filter((field) => !Object.hasOwn(given, field)),
    texts.map(({ text }) => text),
    isWanted,
  );
  if (body !== null) return body;
  throw new NotDerived('no row was found for which the conditions are so');
}

const VARIABLES = ['self', 'old', 'actor'] as const;
const NOBODY = { id: 'anonymous', roles: [] };
