// What an expression says of single fields, where it says nothing else: the conditions that a query
// has to imply so that an index over the rows for which it holds answers the query.
import type { ASTNode, Environment } from '@marcbachmann/cel-js';
import type { JsonValue } from '../resource.ts';
import { childrenOf } from './inspection.ts';
import type { RowType } from './row-type.ts';
import { storedAs } from './to-json.ts';

/** A field has a value that stands so to others; `has`: any; `lacks`: none. */
export interface FieldCondition {
  readonly field: string;
  readonly operator: 'eq' | 'in' | 'lt' | 'lte' | 'gt' | 'gte' | 'has' | 'lacks';
  readonly values: readonly JsonValue[];
}

const COMPARED = { '==': 'eq', '<': 'lt', '<=': 'lte', '>': 'gt', '>=': 'gte' } as const;
const TURNED = { eq: 'eq', lt: 'gt', lte: 'gte', gt: 'lt', gte: 'lte' } as const;

/** The conditions all of which hold exactly where the expression does; null where it says more. */
export function conditionsOf(
  node: ASTNode,
  row: RowType,
  environment: Environment,
): readonly FieldCondition[] | null {
  if (node.op === '&&') {
    const [left, right] = node.args.map((side) => conditionsOf(side, row, environment));
    return left && right ? [...left, ...right] : null;
  }
  const found = presenceOf(node) ?? comparisonOf(node, row, environment);
  return found && [found];
}

function presenceOf(node: ASTNode): FieldCondition | null {
  const isDenied = node.op === '!_';
  const asked = isDenied ? node.args : node;
  const flag = fieldOf(asked);
  if (flag !== null) return { field: flag, operator: 'eq', values: [!isDenied] };
  if (asked.op !== 'call' || asked.args[0] !== 'has') return null;
  const [of] = asked.args[1];
  const field = of === undefined ? null : fieldOf(of);
  return field === null ? null : { field, operator: isDenied ? 'lacks' : 'has', values: [] };
}

function comparisonOf(
  node: ASTNode,
  row: RowType,
  environment: Environment,
): FieldCondition | null {
  if (node.op === 'in') {
    const [item, list] = node.args;
    const field = fieldOf(item);
    const found = field === null ? undefined : valueOf(list, environment);
    if (field === null || !Array.isArray(found)) return null;
    return conditionOn(row, field, 'in', found);
  }
  const operator = isCompared(node.op) ? COMPARED[node.op] : undefined;
  if (operator === undefined || !Array.isArray(node.args)) return null;
  const [left, right] = node.args;
  if (!isNode(left) || !isNode(right)) return null;
  const field = fieldOf(left);
  if (field !== null) return conditionOn(row, field, operator, [valueOf(right, environment)]);
  const other = fieldOf(right);
  if (other === null) return null;
  return conditionOn(row, other, TURNED[operator], [valueOf(left, environment)]);
}

function conditionOn(
  row: RowType,
  name: string,
  operator: FieldCondition['operator'],
  found: readonly unknown[],
): FieldCondition | null {
  const field = row.field(name);
  if (field === undefined) return null;
  if (field.type === 'date' && found.some(isMoment)) return null;
  const values = found.map((one) => storedAs({ type: field.type }, one));
  return values.includes(null) ? null : { field: name, operator, values };
}

/** One within a day is no value of a date, so it has no place among their keys. */
function isMoment(value: unknown): boolean {
  return value instanceof Date && value.getTime() % 86_400_000 !== 0;
}

function isCompared(op: string): op is keyof typeof COMPARED {
  return op in COMPARED;
}

function isNode(value: unknown): value is ASTNode {
  return typeof value === 'object' && value !== null && 'op' in value;
}

/** The field of `self` that a node is. */
function fieldOf(node: ASTNode): string | null {
  if (node.op !== '.' || node.args[0].op !== 'id') return null;
  return node.args[0].args === 'self' ? node.args[1] : null;
}

/** What a node is that speaks of no row; undefined for others. */
function valueOf(node: ASTNode, environment: Environment): unknown {
  if (!isConstant(node)) return undefined;
  const { start, end } = node.range;
  try {
    return environment.parse(node.input.slice(start, end))({});
  } catch {
    return undefined;
  }
}

function isConstant(node: ASTNode): boolean {
  return node.op !== 'id' && childrenOf(node).every(isConstant);
}
