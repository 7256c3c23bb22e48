// Each way from one state to another, and those that there are not.
import type { TransitionSpec } from '@lithair/crds';
import {
  type Bench,
  expectProblem,
  expectSame,
  expectStatus,
  type ModelTest,
  NotDerived,
  testOf,
  Unmet,
} from './model-test.ts';
import { keepsPast, newestTypes } from './past-tests.ts';
import { pathTo, type StateField, walked, waysOf } from './state-walks.ts';

/** Of the states that nothing leads to, as many are tried from each state. */
const MOST_REFUSED = 8;

export function stateTests(bench: Bench, field: StateField): ModelTest[] {
  const { values = [], states } = field;
  const others = values.filter((value) => value !== states.initial);
  return [
    ...others.slice(0, 1).map((other) => beginning(bench, field, other)),
    ...values.flatMap((from) => movesFrom(bench, field, from)),
    ...states.transitions.flatMap((way) => eventTests(bench, field, way)),
  ];
}

function beginning({ node, rows, model }: Bench, { name, states }: StateField, other: string) {
  const what = `${name}: states: initial ${states.initial}: refuses a new row in ${other}`;
  return testOf(model, what, async () => {
    const body = { ...(await rows.body(model)), [name]: other };
    const answer = await node.send('POST', model.path, { body });
    expectProblem(answer, 409, 'transition_refused', `/${name}`);
  });
}

interface Move {
  readonly from: string;
  readonly to: string;
  /** Of which one at least must hold. */
  readonly conditions: readonly string[];
}

function movesFrom(bench: Bench, field: StateField, from: string): ModelTest[] {
  const others = (field.values ?? []).filter((value) => value !== from);
  const isWay = (to: string) => waysOf(field, from, to).length > 0;
  const refused = others.filter((to) => !isWay(to)).slice(0, MOST_REFUSED);
  return [
    ...others.filter(isWay).flatMap((to) => {
      const ways = waysOf(field, from, to);
      const conditions = ways.flatMap(({ when }) => when ?? []);
      if (conditions.length < ways.length) {
        return [moveTest(bench, field, { from, to, conditions: [] }, 'takes')];
      }
      const taken = { from, to, conditions: conditions.slice(0, 1) };
      return [
        moveTest(bench, field, taken, 'takes'),
        moveTest(bench, field, { from, to, conditions }, 'refuses'),
      ];
    }),
    ...refused.map((to) => moveTest(bench, field, { from, to, conditions: [] }, 'refuses')),
  ];
}

/** Takes a row from one state to another, where the conditions hold or where none does. */
function moveTest(bench: Bench, field: StateField, move: Move, verb: 'takes' | 'refuses') {
  const { model } = bench;
  const { name } = field;
  const { from, to, conditions } = move;
  const where = verb === 'takes' ? ' where ' : ' unless ';
  const when = conditions.length === 0 ? '' : `${where}${conditions.join(' or ')}`;
  return testOf(model, `${name}: states: ${verb} ${from} to ${to}${when}`, async () => {
    const { answer } = await moved(bench, field, move, verb === 'takes');
    if (verb === 'refuses') return expectProblem(answer, 409, 'transition_refused', `/${name}`);
    requireNoRule(answer.json['code']);
    expectStatus(answer, 200);
    expectSame(name, answer.json[name], to);
  });
}

function requireNoRule(code: unknown): void {
  if (code !== 'rule_broken') return;
  throw new NotDerived('the rules of the model need more than the state to change');
}

async function moved(bench: Bench, { name, states }: StateField, move: Move, areMet: boolean) {
  const { from, to, conditions: last } = move;
  const steps = pathTo(states.transitions, states.initial, from);
  const { path } = await walked(bench, name, { steps, from, to, last, areMet, given: {} });
  return { path, answer: await bench.node.patch(path, { [name]: to }) };
}

/** What a change is called that takes a transition; it is told where the past is kept. */
function eventTests(bench: Bench, field: StateField, way: TransitionSpec): ModelTest[] {
  const { model } = bench;
  const { event, to, when } = way;
  if (event === undefined || !keepsPast(model)) return [];
  return way.from.map((from) =>
    testOf(model, `event ${event}: ${field.name} from ${from} to ${to}`, async () => {
      // Of several ways between two states the first counts that fits.
      const [first] = waysOf(field, from, to);
      if (first !== way) throw new NotDerived('another way between these states comes before it');
      const conditions = when === undefined ? [] : [when];
      const { path, answer } = await moved(bench, field, { from, to, conditions }, true);
      requireNoRule(answer.json['code']);
      expectStatus(answer, 200);
      const types = await newestTypes(bench, { path });
      if (!types.includes(event)) throw new Unmet(`the events are ${types.join(', ')}`);
    }),
  );
}
