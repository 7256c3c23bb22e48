// The one validator: structure by joi, then the rules that joi cannot say, then the defaults.
import { checkAccess } from './access-rules.ts';
import type { AuthoredField, AuthoredModel, AuthoredSpec } from './authored.ts';
import { expandSpec } from './defaults.ts';
import { checkExpressions } from './expression-rules.ts';
import { resourceShape, specShape } from './language.ts';
import { type Path, type Problem, problem } from './problems.ts';
import { listAt } from './raw-value.ts';
import { checkRelations } from './relations.ts';
import {
  API_VERSION,
  authDeclared,
  KIND,
  type LithairModel,
  type LithairModelSpec,
  type LithairModelStatus,
  type Metadata,
} from './resource.ts';
import { checkField } from './rules.ts';
import { quote, structureChecker } from './structure.ts';

export type Validation<T> =
  | { ok: true; value: T; authDeclared: boolean; warnings: Problem[] }
  | { ok: false; problems: Problem[] };

/** More problems than this are not reported at once. */
const MAX_PROBLEMS = 100;

/** Longest name for which every object of the cluster still gets a legal name. */
const MAX_NAME = 52;

const checkResourceStructure = structureChecker(resourceShape);
const checkSpecStructure = structureChecker(specShape);

/**
 * Validates a whole LithairModel. Nothing is converted or ignored; the value has every default of
 * its spec expanded. All problems are reported, in the order of the document's rules.
 */
export function validateResource(value: unknown): Validation<LithairModel> {
  const structure = checkResourceStructure(value);
  const spec: unknown = isMap(value) ? value['spec'] : undefined;
  const problems = [...structure, ...checkEnvelope(value), ...checkSpec(spec, ['spec'], structure)];
  if (problems.length > 0 || !isAuthoredResource(value)) return refuse(problems);
  const expanded: LithairModel = {
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: value.metadata,
    spec: expandSpec(value.spec),
    ...(value.status && { status: value.status }),
  };
  return accept(expanded, expanded.spec, ['spec']);
}

/** Validates a bare spec; paths start at the spec itself. */
export function validateSpec(value: unknown): Validation<LithairModelSpec> {
  const structure = checkSpecStructure(value);
  const problems = [...structure, ...checkSpec(value, [], structure)];
  if (problems.length > 0 || !isAuthoredSpec(value)) return refuse(problems);
  const spec = expandSpec(value);
  return accept(spec, spec, []);
}

function accept<T>(value: T, spec: LithairModelSpec, root: Path): Validation<T> {
  const declared = authDeclared(spec);
  const message = 'auth.mode is not said: only this machine may call (say auth: {mode: open})';
  const warnings = declared ? [] : [problem([...root, 'auth'], 'auth_not_declared', message)];
  return { ok: true, value, authDeclared: declared, warnings };
}

function refuse(problems: readonly Problem[]): { ok: false; problems: Problem[] } {
  return { ok: false, problems: problems.slice(0, MAX_PROBLEMS) };
}

/** Fields whose structure is wrong are left to the structure's problems. */
function checkSpec(spec: unknown, root: Path, structure: readonly Problem[]): Problem[] {
  if (structure.some(({ code }) => code === 'too_many')) return [];
  const fields = fieldsOf(spec, root).flatMap(([field, path]) => {
    const known = withoutRefused(field, path, structure);
    return isField(known) ? checkField(known, path) : [];
  });
  const found = [...checkRelations(spec, root), ...checkAccess(spec, root), ...fields];
  return [...found, ...checkModels(spec, root, [...structure, ...found])];
}

/** What models say in expressions; those in which something else is wrong are left to that. */
function checkModels(spec: unknown, root: Path, found: readonly Problem[]): Problem[] {
  return listAt(spec, 'models').flatMap((model, at) => {
    const path = [...root, 'models', at];
    const { pointer } = problem(path, 'wrong_type', '');
    const isBroken = found.some((other) => `${other.pointer}/`.startsWith(`${pointer}/`));
    return !isBroken && isModel(model) ? checkExpressions(model, path) : [];
  });
}

/** Called with what no check has found anything in. */
function isModel(model: unknown): model is AuthoredModel {
  return isMap(model);
}

function fieldsOf(spec: unknown, root: Path): [unknown, Path][] {
  const models: unknown = isMap(spec) ? spec['models'] : undefined;
  if (!Array.isArray(models)) return [];
  return models.flatMap((model: unknown, at): [unknown, Path][] => {
    const fields: unknown = isMap(model) ? model['fields'] : undefined;
    if (!Array.isArray(fields)) return [];
    return fields.map((field: unknown, index) => [field, [...root, 'models', at, 'fields', index]]);
  });
}

/**
 * The field without the attributes that are refused by name, so that its other attributes are
 * still checked; undefined where an attribute of the language is malformed.
 */
function withoutRefused(field: unknown, path: Path, structure: readonly Problem[]): unknown {
  if (!isMap(field)) return undefined;
  const { pointer } = problem(path, 'wrong_type', '');
  const inside = structure.filter((p) => `${p.pointer}/`.startsWith(`${pointer}/`));
  const refused = new Set<string>();
  for (const { code, pointer: place } of inside) {
    const name = place.slice(pointer.length + 1);
    const byName = code === 'unknown_attribute' || code === 'not_supported_yet';
    if (!byName || name === 'type' || name === '' || name.includes('/')) return undefined;
    refused.add(name);
  }
  return Object.fromEntries(Object.entries(field).filter(([name]) => !refused.has(name)));
}

/** Called with what `withoutRefused` left: the structure check found nothing in it. */
function isField(field: unknown): field is AuthoredField {
  return isMap(field);
}

function checkEnvelope(value: unknown): Problem[] {
  if (!isMap(value)) return [];
  const problems: Problem[] = [];
  for (const [attribute, wanted] of [
    ['apiVersion', API_VERSION],
    ['kind', KIND],
  ] as const) {
    const given = value[attribute];
    if (typeof given !== 'string' || given === wanted) continue;
    const message = `must be ${wanted}, not ${quote(given)}`;
    problems.push(problem([attribute], 'invalid_value', message));
  }
  return [...problems, ...checkName(value)];
}

function checkName(resource: Record<string, unknown>): Problem[] {
  const metadata = resource['metadata'];
  if (!isMap(metadata)) return [];
  const name = metadata['name'];
  const path = ['metadata', 'name'];
  if (name === undefined) return [problem(path, 'missing_attribute', 'is missing')];
  if (typeof name !== 'string') return [problem(path, 'wrong_type', 'must be a string')];
  if (!/^[a-z]([-a-z0-9]*[a-z0-9])?$/.test(name)) {
    const rule =
      'must start with a small letter and hold only small letters, digits and inner dashes';
    return [problem(path, 'invalid_name', `${rule}; ${quote(name)} does not`)];
  }
  const suffix = longestSuffix(resource['spec']);
  const length = name.length + (suffix === '' ? 0 : suffix.length + 1);
  if (length <= MAX_NAME) return [];
  const what = suffix === '' ? 'at most' : `with ${quote(suffix)} behind it, at most`;
  return [problem(path, 'too_long', `${what} ${MAX_NAME} characters, not ${length}`)];
}

/** What StatefulSets are called behind the name of the resource: regions, or `read`. */
function longestSuffix(spec: unknown): string {
  const cluster: unknown = isMap(spec) ? spec['cluster'] : undefined;
  if (!isMap(cluster)) return '';
  const regions: unknown[] = Array.isArray(cluster['regions']) ? cluster['regions'] : [];
  const names = regions.map((region) => (isMap(region) ? region['name'] : undefined));
  const replicas = Number(cluster['readReplicas'] ?? 0) > 0 ? ['read'] : [];
  const suffixes = [...names, ...replicas].filter((name) => typeof name === 'string');
  return suffixes.reduce((longest, name) => (name.length > longest.length ? name : longest), '');
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

interface AuthoredResource {
  metadata: Metadata;
  spec: AuthoredSpec;
  status?: LithairModelStatus;
}

/** Joi and the rules have found no problem: that is the proof. */
function isAuthoredResource(value: unknown): value is AuthoredResource {
  return isMap(value) && isMap(value['metadata']) && isAuthoredSpec(value['spec']);
}

function isAuthoredSpec(value: unknown): value is AuthoredSpec {
  return isMap(value) && Array.isArray(value['models']);
}
