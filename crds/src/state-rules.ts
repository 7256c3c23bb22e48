// State machines: that every state is one of the values, and that each can be reached.
import type { AuthoredField } from './authored.ts';
import { type Path, type Problem, problem } from './problems.ts';
import { quote } from './structure.ts';

/** Of a field whose attributes are sound by themselves. */
export function checkStates(field: AuthoredField, path: Path): Problem[] {
  const { states } = field;
  if (states === undefined || field.type !== 'enum') return [];
  const place = [...path, 'states'];
  const unknown = checkNames(field, place);
  return [
    ...unknown,
    ...checkMoves(field, place),
    ...(unknown.length > 0 ? [] : checkReachable(field, place)),
    ...checkOthers(field, path),
  ];
}

/** Such a field always has a value, and begins with one. */
function checkOthers(field: AuthoredField, path: Path): Problem[] {
  const refuse = (name: string, message: string) =>
    problem([...path, name], 'conflicting', message);
  const problems: Problem[] = [];
  if (field.nullable === true) {
    problems.push(refuse('nullable', 'a field with states always has one'));
  }
  if (field.default !== undefined && field.default !== field.states?.initial) {
    problems.push(refuse('default', 'states begin with initial: leave the default out'));
  }
  if (field.computed !== undefined) {
    problems.push(refuse('computed', 'what is computed takes no transitions'));
  }
  if (field.immutable === true) {
    problems.push(refuse('immutable', 'a field with states changes: leave one of them out'));
  }
  return problems;
}

function checkNames({ values = [], states }: AuthoredField, place: Path): Problem[] {
  const unknown = (name: string, at: Path) =>
    values.includes(name)
      ? []
      : [problem(at, 'invalid_value', `${quote(name)} is not one of ${values.join(', ')}`)];
  return [
    ...unknown(states?.initial ?? '', [...place, 'initial']),
    ...(states?.transitions ?? []).flatMap(({ from, to }, at) => [
      ...from.flatMap((name, nth) => unknown(name, [...place, 'transitions', at, 'from', nth])),
      ...unknown(to, [...place, 'transitions', at, 'to']),
    ]),
  ];
}

function checkMoves({ states }: AuthoredField, place: Path): Problem[] {
  return (states?.transitions ?? []).flatMap(({ from, to }, at) => {
    const nth = from.indexOf(to);
    if (nth === -1) return [];
    const message = `from ${quote(to)} to ${quote(to)} is no change`;
    return [problem([...place, 'transitions', at, 'from', nth], 'conflicting', message)];
  });
}

function checkReachable({ values = [], states }: AuthoredField, place: Path): Problem[] {
  if (states === undefined) return [];
  const reached = new Set([states.initial]);
  for (const state of reached) {
    for (const { from, to } of states.transitions) if (from.includes(state)) reached.add(to);
  }
  return values.flatMap((value) => {
    if (reached.has(value)) return [];
    const message = `no transitions lead from ${quote(states.initial)} to ${quote(value)}`;
    return [problem([...place, 'transitions'], 'unreachable_state', message)];
  });
}
