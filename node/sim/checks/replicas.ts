import { keyName, keyOfName } from './key-model.ts';
import { textOf } from './row.ts';
import type { FinalState, Violation } from './types.ts';

/** All nodes hold the same, row by row and version by version, when nothing is under way. */
export function checkReplicas(states: readonly FinalState[]): Violation[] {
  const [first, ...others] = states;
  return first === undefined ? [] : others.flatMap((other) => difference(first, other));
}

function difference(one: FinalState, other: FinalState): Violation[] {
  const nodes = `nodes ${one.node} and ${other.node}`;
  if (one.appliedIndex !== other.appliedIndex) {
    const message = `${nodes} applied up to ${one.appliedIndex} and ${other.appliedIndex}`;
    return [{ check: 'replicas', message, key: null, operations: [] }];
  }
  const [left, right] = [textsOf(one), textsOf(other)];
  const names = new Set([...left.keys(), ...right.keys()]);
  return [...names].flatMap((name) => {
    const [mine, theirs] = [left.get(name) ?? 'nothing', right.get(name) ?? 'nothing'];
    if (mine === theirs) return [];
    const message = `${name}: ${nodes} hold ${mine} and ${theirs}`;
    return [{ check: 'replicas', message, key: keyOfName(name), operations: [] }];
  });
}

function textsOf({ models }: FinalState): Map<string, string> {
  const texts = new Map<string, string>();
  for (const [model, rows] of models) {
    for (const [id, { version, row }] of rows) {
      texts.set(keyName(model, id), `version ${version} ${textOf(row)}`);
    }
  }
  return texts;
}
