// Fields whose value an expression makes of the other fields of their row.
import { hash } from 'node:crypto';
import type { AuthoredField, AuthoredModel } from './authored.ts';
import {
  type Computation,
  type ComputedValue,
  compileComputation,
  ExpressionRefusal,
  type TypedField,
  type TypedModel,
} from './expression/index.ts';
import { type Path, type Problem, problem } from './problems.ts';
import { quote } from './structure.ts';

/** A model as far as its computed fields care. */
interface ComputedModel extends TypedModel {
  readonly fields: readonly (TypedField & ComputedValue & { readonly computed?: string })[];
}

/** A computed field with what makes its value. */
export interface ComputedField {
  readonly name: string;
  readonly computation: Computation;
}

/** Computed fields in an order in which each follows those that it reads. */
const ordered = new WeakMap<ComputedModel, readonly ComputedField[]>();

/**
 * The computed fields of a valid model, each behind those that it reads; compiled once for a model of
 * a schema version.
 */
export function computedFields(model: ComputedModel): readonly ComputedField[] {
  const known = ordered.get(model);
  if (known !== undefined) return known;
  const made = inOrder(compileAll(model));
  ordered.set(model, made);
  return made;
}

/** By model and field, what computed fields are computed by. */
const ways = new WeakMap<ComputedModel, ReadonlyMap<string, string>>();

/**
 * What a field is computed by, down to fields that are stored, as a hash: two fields of one hash have
 * the same values in the same rows. Empty for a field that is not computed.
 */
export function computedBy(model: ComputedModel, name: string): string {
  const known = ways.get(model) ?? waysOf(model);
  ways.set(model, known);
  return known.get(name) ?? '';
}

/** Of each field once: in full, each level of fields could be as long as all those below together. */
function waysOf(model: ComputedModel): ReadonlyMap<string, string> {
  const known = new Map<string, string>();
  for (const { name, computation } of computedFields(model)) {
    // What an enum does not list is none, so its values are a part of how it is computed.
    const values = model.fields.find((field) => field.name === name)?.values?.toSorted() ?? null;
    const reads = [...computation.reads.self].sort().map((read) => [read, known.get(read) ?? null]);
    const way = JSON.stringify([computation.text, values, reads]);
    known.set(name, hash('sha256', way, 'hex'));
  }
  return known;
}

function compileAll(model: ComputedModel): ComputedField[] {
  return model.fields.flatMap((field) => {
    if (field.computed === undefined) return [];
    const computation = compileComputation(model, field.computed, field);
    return [{ name: field.name, computation }];
  });
}

function inOrder(fields: readonly ComputedField[]): ComputedField[] {
  const done = new Map<string, ComputedField>();
  let left = [...fields];
  while (left.length > 0) {
    const waits = new Set(left.map(({ name }) => name));
    const ready = left.filter(({ computation }) => waits.isDisjointFrom(computation.reads.self));
    if (ready.length === 0) throw new RangeError(`${left[0]?.name} is computed of itself`);
    for (const field of ready) done.set(field.name, field);
    left = left.filter(({ name }) => !done.has(name));
  }
  return [...done.values()];
}

/** What is said of values that are sent, or of those that nothing makes. */
const EXCLUDED = [
  'primaryKey',
  'required',
  'nullable',
  'immutable',
  'default',
  'defaultFrom',
  'template',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'pattern',
  'format',
  'states',
] as const;

/** Checks a field by itself. */
export function checkComputedField(field: AuthoredField, path: Path): Problem[] {
  if (field.computed === undefined) return [];
  const named = EXCLUDED.filter((name) => field[name] !== undefined && field[name] !== false);
  const problems = named.map((name) =>
    problem([...path, name], 'conflicting', `computed excludes ${name}: say it in rules`),
  );
  if (field.permissions?.write === undefined) return problems;
  const message = 'nobody writes a computed field';
  return [...problems, problem([...path, 'permissions', 'write'], 'conflicting', message)];
}

/** Checks the expressions of a model whose fields are sound by themselves. */
export function checkComputed(model: AuthoredModel, path: Path): Problem[] {
  const places = new Map(model.fields.map(({ name }, at) => [name, [...path, 'fields', at]]));
  const compiled: ComputedField[] = [];
  const problems = model.fields.flatMap((field) => {
    const place = [...(places.get(field.name) ?? path), 'computed'];
    const made = compileOne(model, field, place);
    if (!Array.isArray(made)) compiled.push(made);
    return Array.isArray(made) ? made : [];
  });
  if (problems.length > 0) return problems;
  return compiled.flatMap(({ name, computation }) => {
    const place = [...(places.get(name) ?? path), 'computed'];
    const { self } = computation.reads;
    if (reaches(compiled, name, name, new Set())) {
      return [problem(place, 'invalid_expression', `${name} is computed of itself`)];
    }
    return checkHidden(model, name, self, place);
  });
}

function compileOne(
  model: AuthoredModel,
  field: AuthoredField,
  path: Path,
): ComputedField | Problem[] {
  if (field.computed === undefined) return [];
  try {
    const computation = compileComputation(model, field.computed, field);
    return { name: field.name, computation };
  } catch (error) {
    if (!(error instanceof ExpressionRefusal)) throw error;
    return [problem(path, 'invalid_expression', error.message)];
  }
}

function reaches(
  fields: readonly ComputedField[],
  from: string,
  to: string,
  seen: Set<string>,
): boolean {
  if (seen.has(from)) return false;
  seen.add(from);
  const reads = fields.find(({ name }) => name === from)?.computation.reads.self ?? new Set();
  return reads.has(to) || [...reads].some((name) => reaches(fields, name, to, seen));
}

/** Nobody may read what is computed of a hidden field, unless the model says who may. */
function checkHidden(
  { fields }: AuthoredModel,
  name: string,
  reads: ReadonlySet<string>,
  path: Path,
): Problem[] {
  const field = fields.find((candidate) => candidate.name === name);
  const hidden = fields.find((candidate) => candidate.hidden === true && reads.has(candidate.name));
  if (hidden === undefined || field?.hidden === true) return [];
  if (field?.permissions?.read !== undefined) return [];
  const what = `reads ${quote(hidden.name)}, which is hidden`;
  return [
    problem(path, 'conflicting', `${what}: say permissions.read, or hidden of this one, too`),
  ];
}
