// Rows that are deleted and can come back: they are the rows of a model of their own, which follows
// from the one that says so.
import { type Path, type Problem, problem } from './problems.ts';
import { listAt, memberAt } from './raw-value.ts';
import type { FieldSchema, ModelSchema } from './schema.ts';
import { quote } from './structure.ts';

/** Last part of the route of deleted rows, below that of their model. No id begins like this. */
const SEGMENT = '_deleted';

const DELETED_AT: FieldSchema = {
  name: 'deletedAt',
  type: 'datetime',
  nullable: false,
  required: true,
  immutable: true,
  unique: false,
  index: 'ordered',
};

const DELETED_BY: FieldSchema = {
  ...DELETED_AT,
  name: 'deletedBy',
  type: 'string',
  index: 'none',
};

/** What a deleted row tells besides its own fields. */
export const DELETION_FIELDS: readonly FieldSchema[] = [DELETED_AT, DELETED_BY];

/** What the deleted rows of a model are called. */
export function deletedModelName(model: string): string {
  return `${model}Deleted`;
}

/** The route of the deleted rows of a model. */
export function deletedPath({ path }: Pick<ModelSchema, 'path'>): string {
  return `${path}/${SEGMENT}`;
}

/** The models, and behind them those of the deleted rows of some of them. */
export function withDeletedModels(models: readonly ModelSchema[]): ModelSchema[] {
  const soft = models.filter(({ lifecycle }) => lifecycle?.softDelete === true);
  return [...models, ...soft.map((model) => deletedModel(model, models))];
}

/**
 * Rows as they were, and when and by whom they were deleted. They hold no unique value and refer to
 * nothing: both are asked for again when one of them comes back.
 */
function deletedModel(model: ModelSchema, models: readonly ModelSchema[]): ModelSchema {
  const { name, primaryKey, permissions, cacheSeconds, consistency, adaptive } = model;
  const { methods, encryptionAtRest, lifecycle, durability, tracing, auditAllOperations } = model;
  const after = lifecycle?.purgeAfter;
  return {
    name: deletedModelName(name),
    path: deletedPath(model),
    primaryKey,
    fields: [...model.fields.map((field) => plainField(field, models)), ...DELETION_FIELDS],
    ...(permissions && { permissions }),
    methods: (methods ?? ['GET', 'DELETE']).filter((each) => each === 'GET' || each === 'DELETE'),
    ...(cacheSeconds !== undefined && { cacheSeconds }),
    ...(encryptionAtRest && { encryptionAtRest }),
    ...(durability && { durability }),
    ...(consistency && { consistency }),
    ...(adaptive && { adaptive }),
    ...(tracing && { tracing }),
    ...(auditAllOperations && { auditAllOperations }),
    ...(after !== undefined && {
      lifecycle: { audited: false, ttl: { field: DELETED_AT.name, after } },
    }),
    deletedOf: name,
  };
}

/** What is computed is computed of deleted rows, too: who may read it follows from what it is of. */
function plainField(field: FieldSchema, models: readonly ModelSchema[]): FieldSchema {
  const { to: _, onDelete: __, inverse: ___, template: ____, historize: _____, ...plain } = field;
  const { defaultFrom: ______, states: _______, audited: ________, ...kept } = plain;
  const isIndexed = field.unique || field.type === 'reference';
  const index = isIndexed && field.index === 'none' ? 'hash' : field.index;
  return { ...kept, type: typeOf(field, models), unique: false, index };
}

/** A reference is the key that it was. */
function typeOf({ type, to }: FieldSchema, models: readonly ModelSchema[]): FieldSchema['type'] {
  if (type !== 'reference') return type;
  const target = models.find(({ name }) => name === to);
  const key = target?.fields.find(({ name }) => name === target.primaryKey);
  return key?.type ?? 'string';
}

/** Refuses what deleted rows cannot have beside them. */
export function checkSoftDelete(models: readonly { value: unknown; path: Path }[]): Problem[] {
  const names = models.map(({ value }) => memberAt(value, 'name'));
  return models.flatMap(({ value, path }) => checkModel(value, path, names));
}

function checkModel(model: unknown, path: Path, names: readonly unknown[]): Problem[] {
  const lifecycle = memberAt(model, 'lifecycle');
  const place = [...path, 'lifecycle'];
  if (memberAt(lifecycle, 'softDelete') !== true) {
    if (memberAt(lifecycle, 'purgeAfter') === undefined) return [];
    const message = 'purgeAfter needs softDelete: true';
    return [problem([...place, 'purgeAfter'], 'conflicting', message)];
  }
  return [
    ...checkName(memberAt(model, 'name'), [...place, 'softDelete'], names),
    ...checkFields(model, path),
    ...checkConsistency(model, [...place, 'softDelete']),
  ];
}

function checkName(name: unknown, place: Path, names: readonly unknown[]): Problem[] {
  if (typeof name !== 'string' || !names.includes(deletedModelName(name))) return [];
  const message = `its deleted rows are called ${quote(deletedModelName(name))}, and a model is, too`;
  return [problem(place, 'conflicting', message)];
}

function checkFields(model: unknown, path: Path): Problem[] {
  const taken: readonly unknown[] = DELETION_FIELDS.map(({ name }) => name);
  return listAt(model, 'fields').flatMap((field, at) => {
    const name = memberAt(field, 'name');
    if (!taken.includes(name)) return [];
    const message = `${quote(String(name))} is what softDelete adds to deleted rows`;
    return [problem([...path, 'fields', at, 'name'], 'reserved_name', message)];
  });
}

function checkConsistency(model: unknown, place: Path): Problem[] {
  if (memberAt(memberAt(model, 'persistence'), 'consistency') !== 'eventual') return [];
  const why = 'a row may be restored on one node and written on another';
  return [problem(place, 'conflicting', `consistency eventual excludes softDelete: ${why}`)];
}
