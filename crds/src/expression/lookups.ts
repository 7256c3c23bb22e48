// What an index can answer of an expression: conditions that say which values a field has.
import type { ASTNode, Environment, ParseResult } from '@marcbachmann/cel-js';
import type { JsonValue } from '../resource.ts';
import { childrenOf } from './inspection.ts';

/** A field has one of some values, which do not depend on the row. */
export interface Lookup {
  readonly field: string;
  readonly values: readonly JsonValue[];
}

/** As {@link Lookup}, before the values are known. */
export interface LookupPlan {
  readonly field: string;
  readonly isList: boolean;
  readonly value: ParseResult;
}

/**
 * Ways in which an expression can hold: in each, all of its conditions must. Every row for which
 * the expression holds meets the conditions of at least one.
 */
export type Ways = readonly (readonly LookupPlan[])[];

/** More ways than this are not told apart: their conditions are left out. */
const MAX_WAYS = 8;

export function waysOf(node: ASTNode, environment: Environment): Ways {
  if (node.op === '||') {
    const ways = node.args.flatMap((side) => waysOf(side, environment));
    return ways.length > MAX_WAYS ? [[]] : ways;
  }
  if (node.op === '&&') {
    const [left, right] = [waysOf(node.args[0], environment), waysOf(node.args[1], environment)];
    const ways = left.flatMap((some) => right.map((more) => [...some, ...more]));
    return ways.length > MAX_WAYS ? [[]] : ways;
  }
  const plan = lookupOf(node, environment);
  return [plan === null ? [] : [plan]];
}

function lookupOf(node: ASTNode, environment: Environment): LookupPlan | null {
  if (node.op !== '==' && node.op !== 'in') return null;
  const [left, right] = node.args;
  const isList = node.op === 'in';
  const forward = fieldOf(left);
  if (forward !== null && isOfCaller(right)) {
    return { field: forward, isList, value: parsed(right, environment) };
  }
  const backward = isList ? null : fieldOf(right);
  if (backward === null || !isOfCaller(left)) return null;
  return { field: backward, isList, value: parsed(left, environment) };
}

/** The field of `self` that a node is. */
function fieldOf(node: ASTNode): string | null {
  if (node.op !== '.' || node.args[0].op !== 'id') return null;
  return node.args[0].args === 'self' ? node.args[1] : null;
}

/** Whether a node says the same of every row. */
function isOfCaller(node: ASTNode): boolean {
  if (node.op === 'id') return node.args === 'actor';
  return childrenOf(node).every(isOfCaller);
}

function parsed(node: ASTNode, environment: Environment): ParseResult {
  const { start, end } = node.range;
  return environment.parse(node.input.slice(start, end));
}

/** What a value of an expression is in a stored row; undefined where an index has no such key. */
export function storedValue(value: unknown): JsonValue | undefined {
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value !== 'bigint') return undefined;
  return Number.isSafeInteger(Number(value)) ? Number(value) : undefined;
}
