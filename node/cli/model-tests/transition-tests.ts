// Who may take a transition: rows are brought to its beginning while everybody may, and tried later.
import type { FieldSchema, ModelSchema } from '@lithair/crds';
import type { JsonObject } from '../../ports/index.ts';
import {
  type Bench,
  expectProblem,
  expectSame,
  expectStatus,
  type ModelTest,
  NotDerived,
} from './model-test.ts';
import { type AccessBench, lets, mayField, opens, rolesWith, storedRow } from './row-rights.ts';
import { requireMethod, updated } from './ruled-tests.ts';
import type { SampleRow } from './sample-rows.ts';
import { hasStates, pathTo, type StateField, walked, waysOf } from './state-walks.ts';

/** A way between two states, and rows that stand at its beginning: one for each who tries it. */
export interface PreparedMove {
  readonly field: string;
  readonly from: string;
  readonly to: string;
  readonly rows: SampleRow[];
  /** Why there are none. */
  readonly reason: string;
}

/**
 * Rows for each transition of the model as it is declared that names roles.
 *
 * @param bench of the node on which everybody may everything
 * @param subjects who tries it, and may have to own the row
 */
export async function prepareMoves(
  bench: Bench,
  declared: ModelSchema,
  subjects: readonly string[],
): Promise<PreparedMove[]> {
  const moves: PreparedMove[] = [];
  for (const field of declared.fields.filter(hasStates)) {
    for (const { from, to } of restricted(field)) {
      moves.push(await prepared(bench, declared, field, from, to, subjects));
    }
  }
  return moves;
}

/** Pairs of states between which some way is for some roles alone. */
function restricted({ states }: StateField): { readonly from: string; readonly to: string }[] {
  const pairs = states.transitions
    .filter(({ roles }) => roles !== undefined)
    .flatMap(({ from, to }) => from.map((one) => ({ from: one, to })));
  return [...new Map(pairs.map((pair) => [`${pair.from} ${pair.to}`, pair])).values()];
}

async function prepared(
  bench: Bench,
  declared: ModelSchema,
  field: StateField,
  from: string,
  to: string,
  subjects: readonly string[],
): Promise<PreparedMove> {
  const rows: SampleRow[] = [];
  const move = { field: field.name, from, to, rows };
  try {
    const steps = pathTo(field.states.transitions, field.states.initial, from);
    const last = waysOf(field, from, to).flatMap(({ when }) => when ?? []);
    for (const subject of subjects) {
      const owner = ownerIn(declared, subject);
      rows.push(await walked(bench, field.name, { steps, from, to, last, given: owner }));
    }
  } catch (error) {
    if (!(error instanceof NotDerived)) throw error;
    return { ...move, reason: error.message };
  }
  return { ...move, reason: 'no sample row is left' };
}

function ownerIn({ permissions, fields }: ModelSchema, subject: string): JsonObject {
  const field = fields.find(({ name }) => name === permissions?.owner);
  return field === undefined || field.type === 'reference' ? {} : { [field.name]: subject };
}

/** What each role that may write the field may do with a transition that is for some roles alone. */
export function transitionTests(
  bench: AccessBench,
  moves: readonly PreparedMove[],
  role: string,
): ModelTest[] {
  const { model } = bench;
  return moves.flatMap((move) => {
    const field = model.fields.filter(hasStates).find(({ name }) => name === move.field);
    if (field === undefined || !mayField(field, 'write', role)) return [];
    return casesOf(bench, role, field, move).map(({ whose, may }) => {
      const verb = may ? 'may' : 'may not';
      const rows = whose === 'any' ? '' : ` of ${whose} rows`;
      const name = `${role} ${verb} take ${field.name}${rows} from ${move.from} to ${move.to}`;
      const run = () => taken(bench, role, field, move, { whose, may });
      return { model: model.name, name, run };
    });
  });
}

/** Whose rows a transition is tried with, and whether the role may take it there. */
interface MoveCase {
  readonly whose: 'any' | 'own' | 'other';
  readonly may: boolean;
}

function casesOf(
  { model }: AccessBench,
  role: string,
  field: StateField,
  { from, to }: PreparedMove,
): MoveCase[] {
  const ways = waysOf(field, from, to);
  const mayWith = (roles: readonly string[]) => {
    const has = (named: readonly string[] | undefined) =>
      named === undefined || named.some((one) => roles.includes(one));
    // Who may not read a state sets none.
    return has(field.permissions?.read) && ways.some((way) => has(way.roles));
  };
  const [other, own] = [mayWith(rolesWith(role)), mayWith([...rolesWith(role), 'Owner'])];
  const canOwn = model.permissions?.owner !== undefined && role !== 'Public';
  if (!canOwn || own === other) return [{ whose: 'any', may: other }];
  return [
    { whose: 'own', may: own },
    { whose: 'other', may: other },
  ];
}

async function taken(
  bench: AccessBench,
  role: string,
  field: FieldSchema,
  { to, rows, reason }: PreparedMove,
  { whose, may }: MoveCase,
): Promise<void> {
  const { model, callers } = bench;
  requireMethod(model, 'update');
  if (rows.length === 0) throw new NotDerived(reason);
  const row = rows.find((each) => {
    const self = storedRow(model, each.row);
    const isOwn = self[model.permissions?.owner ?? ''] === callers.subjectOf(role);
    if (whose !== 'any' && isOwn !== (whose === 'own')) return false;
    const isOpen = opens(bench, role, 'update', self) && opens(bench, role, 'read', self);
    return isOpen && lets(bench, role, { ...self, [field.name]: to }, self);
  });
  if (row === undefined) throw new NotDerived(`${role} may update none of the rows there`);
  const answer = await updated(bench, role, row, { [field.name]: to });
  if (!may) return expectProblem(answer, 403, 'forbidden_field');
  rows.splice(rows.indexOf(row), 1);
  if (answer.json['code'] === 'rule_broken') {
    throw new NotDerived('the rules of the model need more than the state to change');
  }
  expectStatus(answer, 200);
  if (mayField(field, 'read', role)) expectSame(field.name, answer.json[field.name], to);
}
