import { compileExpression, type FieldCondition, type ModelSchema } from '@lithair/crds';
import type { IndexKey } from '../ports/index.ts';
import { indexKey, NULL_KEY } from '../values/index.ts';
import type { QueryFields } from './fields.ts';
import type { Filter } from './filter.ts';
import { compareKeys } from './order.ts';

/** What holds of a field in all rows of an index. */
export interface RowCondition {
  readonly field: string;
  readonly operator: FieldCondition['operator'];
  readonly keys: readonly IndexKey[];
}

/**
 * What an index is of, as filters say it; unknown where it says more than they can, or is about
 * fields that the caller may not read. Texts that a collation compares mean more in a filter than in
 * an expression.
 */
export function rowConditions(
  model: ModelSchema,
  where: string,
  fields: QueryFields,
): readonly RowCondition[] | 'unknown' {
  const { conditions, reads } = compileExpression(model, where, ['self']);
  const isKnown = [...reads.self].every((name) => {
    const field = fields.get(name);
    return field !== undefined && !field.isId && field.values.collation === undefined;
  });
  if (conditions === null || !isKnown) return 'unknown';
  return conditions.map(({ field, operator, values }) => {
    const of = fields.get(field)?.values;
    return { field, operator, keys: of ? values.map((value) => indexKey(of, value)) : [] };
  });
}

/** Whether all rows that meet the filters are in an index. */
export function isWithin(
  filters: readonly Filter[],
  { conditions }: { readonly conditions: readonly RowCondition[] | null },
): boolean {
  if (conditions === null) return true;
  return conditions.every((condition) => filters.some((filter) => implies(filter, condition)));
}

function implies(filter: Filter, condition: RowCondition): boolean {
  if (filter.field.name !== condition.field) return false;
  const [key = NULL_KEY] = filter.keys;
  switch (filter.operator) {
    case 'eq':
    case 'in':
      return filter.keys.length > 0 && filter.keys.every((each) => meets(each, condition));
    case 'gt':
    case 'gte':
      return isHigher(key, filter.operator, condition, ['gt', 'gte'], 1);
    case 'lt':
    case 'lte':
      return isHigher(key, filter.operator, condition, ['lt', 'lte'], -1);
    case 'null':
      return condition.operator === (filter.wantsNull === true ? 'lacks' : 'has');
    default:
      return false;
  }
}

/** Whether what lies on the far side of a bound lies on that of another, too. */
function isHigher(
  key: IndexKey,
  operator: 'gt' | 'gte' | 'lt' | 'lte',
  condition: RowCondition,
  sides: readonly [open: string, closed: string],
  sign: 1 | -1,
): boolean {
  if (condition.operator === 'has') return true;
  if (!sides.includes(condition.operator)) return false;
  const order = compareKeys(key, condition.keys[0] ?? NULL_KEY) * sign;
  const [open] = sides;
  return order > 0 || (order === 0 && (operator === open || condition.operator !== open));
}

function meets(key: IndexKey, { operator, keys }: RowCondition): boolean {
  if (operator === 'lacks') return key === NULL_KEY;
  if (key === NULL_KEY) return false;
  const [bound = NULL_KEY] = keys;
  switch (operator) {
    case 'has':
      return true;
    case 'eq':
    case 'in':
      return keys.includes(key);
    case 'lt':
      return compareKeys(key, bound) < 0;
    case 'lte':
      return compareKeys(key, bound) <= 0;
    case 'gt':
      return compareKeys(key, bound) > 0;
    case 'gte':
      return compareKeys(key, bound) >= 0;
  }
}
