/** Models with any indexes, rows of them, and lists of those rows. */
import fc from 'fast-check';
import type { JsonObject } from '../../ports/index.ts';
import {
  type Condition,
  compareValues,
  conditionOf,
  eitherOf,
  FIELDS,
  fieldOf,
  ID,
  scalarOf,
  written,
} from './sample-fields.ts';

/** Conditions of partial indexes, and filters that imply them. */
const CONDITIONS: readonly [where: string, filter: string, field: string][] = [
  ['self.kind == "x"', 'kind=x', 'kind'],
  ['self.kind in ["x", "y"]', 'kind[in]=x,y', 'kind'],
  ['self.stock >= 1', 'stock[gte]=1', 'stock'],
  ['self.stock < 2', 'stock[lte]=1', 'stock'],
  ['has(self.day)', 'day[null]=false', 'day'],
  ['!has(self.price)', 'price[null]=true', 'price'],
  ['!self.live', 'live=false', 'live'],
  ['self.live && self.rating > 0', 'rating[gt]=0', 'rating'],
  ['self.name == "lamp"', 'name=lamp', 'name'],
];

export interface SampleIndex {
  readonly fields: readonly string[];
  readonly where?: string;
}

export interface SampleModel {
  readonly model: { readonly fields: readonly object[] };
  readonly indexes: readonly SampleIndex[];
}

const names = FIELDS.map(({ name }) => name);
const index: fc.Arbitrary<SampleIndex> = fc.oneof(
  fc.record({ fields: fc.shuffledSubarray(names, { minLength: 2, maxLength: 3 }) }),
  fc.record({
    fields: fc.shuffledSubarray(names, { minLength: 1, maxLength: 2 }),
    where: fc.constantFrom(...CONDITIONS.map(([where]) => where)),
  }),
);
const kinds = fc.record(
  Object.fromEntries(
    [ID, ...FIELDS].map((field) => [field.name, fc.constantFrom(...field.indexes)]),
  ),
);
const indexes = fc.uniqueArray(index, { maxLength: 4, selector: (each) => JSON.stringify(each) });

export const anyModel: fc.Arbitrary<SampleModel> = fc
  .tuple(kinds, indexes)
  .map(([kind, several]) => {
    const fields = FIELDS.map(({ name, spec }) => {
      return { name, ...spec, nullable: true, index: kind[name] };
    });
    const id = { name: ID.name, ...ID.spec, index: kind[ID.name] };
    const model = { name: 'Thing', fields: [id, ...fields] };
    return {
      model: several.length === 0 ? model : { ...model, indexes: several },
      indexes: several,
    };
  });

const row: fc.Arbitrary<JsonObject & { id: string }> = fc.record({
  id: fc.oneof(
    fc.constantFrom(...ID.values.map(String)),
    fc.stringMatching(/^[a-fé\u{1f600}\uffee]{1,3}$/u),
  ),
  ...Object.fromEntries(
    FIELDS.map(({ name, values }) => [name, fc.option(fc.constantFrom(...values), { freq: 5 })]),
  ),
});
export const anyRows = fc.uniqueArray(row, {
  selector: ({ id }) => id,
  maxLength: 40,
  size: 'max',
});

export interface SampleList {
  readonly conditions: readonly Condition[];
  readonly sort: readonly string[];
}

/** Lists that mostly ask for what the indexes of a model are of. */
export function anyList({ indexes: several }: SampleModel): fc.Arbitrary<SampleList> {
  const implied = CONDITIONS.filter(([where]) => several.some((each) => each.where === where));
  const hot = several.flatMap(({ fields }) => fields);
  const fields = fc.constantFrom('id', ...names, ...hot, ...hot, ...hot);
  const either = fc.tuple(conditionOn(fields), conditionOn(fields)).map(eitherOf);
  const one = fc.oneof(
    { arbitrary: conditionOn(fields), weight: 12 },
    { arbitrary: either, weight: 1 },
    ...implied.map(([, filter, name]) => {
      return { arbitrary: fc.constant(written(filter, name)), weight: 4 };
    }),
  );
  const term = fc.tuple(fc.constantFrom('', '-'), fields).map(([sign, name]) => `${sign}${name}`);
  const some = fc.uniqueArray(term, { maxLength: 3, selector: (each) => each.replace('-', '') });
  const ofIndex = several.map((each) => fc.constantFrom(...orders(each)));
  return fc.record({
    conditions: fc.array(one, { maxLength: 4 }),
    sort: fc.oneof(some, fc.constantFrom(['id'], ['-id'], ['-kind', 'id']), ...ofIndex),
  });
}

/** Orders that an index has, or nearly has. */
function orders({ fields }: SampleIndex): string[][] {
  const down = fields.map((name) => `-${name}`);
  return [[...fields], down, fields.slice(1), down.slice(1), fields.slice(0, 1)];
}

function conditionOn(fields: fc.Arbitrary<string>): fc.Arbitrary<Condition> {
  return fields.chain((name) => {
    const field = fieldOf(name);
    const values = [...field.values.map(String), ...(field.asked ?? [])];
    const operators = ['eq', 'eq', 'eq', 'ne', 'in', 'nin', 'null'];
    if (name !== 'live') operators.push('lt', 'lte', 'gt', 'gte', 'gt', 'lte');
    if (field.isText) operators.push('startsWith', 'contains');
    return fc.constantFrom(...operators).chain((operator) => {
      const one = operator === 'null' ? fc.boolean().map(String) : fc.constantFrom(...values);
      const isList = operator === 'in' || operator === 'nin';
      const given = fc.array(one, { minLength: 1, maxLength: isList ? 3 : 1 });
      return given.map((list) => conditionOf(field, operator, list));
    });
  });
}

/** The ids of the rows that a list is of, in its order. */
export function listed(rows: readonly JsonObject[], { conditions, sort }: SampleList): string[] {
  const found = rows.filter((each) => conditions.every((condition) => condition.holds(each)));
  return found
    .toSorted((a, b) => compareRows(a, b, sort))
    .map((row) => String(scalarOf(row, 'id')));
}

function compareRows(a: JsonObject, b: JsonObject, sort: readonly string[]): number {
  for (const term of sort) {
    const name = term.replace('-', '');
    const sign = term.startsWith('-') ? -1 : 1;
    const { rank } = fieldOf(name);
    const order = compareValues(rank, scalarOf(a, name), scalarOf(b, name));
    if (order !== 0) return sign * order;
  }
  const isDown = sort.at(-1)?.startsWith('-') === true;
  return compareValues(String, scalarOf(a, 'id'), scalarOf(b, 'id')) * (isDown ? -1 : 1);
}
