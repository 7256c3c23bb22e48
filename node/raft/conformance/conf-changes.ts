import type { ConfChangeSingle } from '../src/index.ts';
import { ConfChangeType } from '../src/index.ts';
import { DirectiveError, parseInteger } from './arguments.ts';

const TYPES: ReadonlyMap<string, ConfChangeType> = new Map([
  ['v', ConfChangeType.AddNode],
  ['l', ConfChangeType.AddLearnerNode],
  ['r', ConfChangeType.RemoveNode],
  ['u', ConfChangeType.UpdateNode],
]);

/** Reads `v1 l2 r3 u4`: make 1 a voter, 2 a learner, remove 3, update 4. */
export function parseConfChanges(text: string): ConfChangeSingle[] {
  const words = text.trim().split(' ');
  return words[0] === '' ? [] : words.map(parseConfChange);
}

function parseConfChange(word: string): ConfChangeSingle {
  if (word.length < 2) throw new DirectiveError(`unknown token ${word}`);
  const type = TYPES.get(word.slice(0, 1));
  if (type === undefined) throw new DirectiveError(`unknown input: ${word}`);
  return { type, nodeId: parseInteger(word.slice(1)) };
}
