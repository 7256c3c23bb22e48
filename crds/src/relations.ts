// Rules between models, between fields and within the cluster: names, routes, keys, references.
// They look at the raw value, because one broken field must not hide what is wrong elsewhere.
import { checkAudit } from './audit-rules.ts';
import { checkEventual } from './eventual.ts';
import { checkExpiry } from './expiry-rules.ts';
import { checkIndexes } from './index-rules.ts';
import { checkTemplate } from './key-template.ts';
import {
  DEFAULTS,
  LIMITS,
  OBJECT_MEMBERS,
  QUERY_PARAMETERS,
  VOTER_COUNTS,
} from './language-terms.ts';
import { checkPersistenceWords } from './persistence-rules.ts';
import { defaultPath } from './plural.ts';
import { type Path, type Problem, type ProblemCode, problem } from './problems.ts';
import { type Fact, listAt, memberAt, textAt } from './raw-value.ts';
import { checkInverses } from './related.ts';
import { checkSoftDelete } from './soft-delete.ts';
import { quote } from './structure.ts';
import { checkMonitoring, checkTracing } from './tracing-rules.ts';
import { checkUsedValues } from './used-values.ts';

/** Every rule that needs more than one field; `root` is where the spec stands in the document. */
export function checkRelations(spec: unknown, root: Path): Problem[] {
  const models = listAt(spec, 'models').map((value, at) => ({
    value,
    path: [...root, 'models', at],
  }));
  const names = models.flatMap(({ value, path }) => textAt(value, 'name', path));
  return [
    ...duplicates(names, 'model'),
    ...checkRoutes(models),
    ...checkInverses(models),
    ...checkEventual(models),
    ...checkSoftDelete(models),
    ...checkExpiry(models),
    ...checkUsedValues(models),
    ...models.flatMap(({ value, path }) => checkModel(value, path, names)),
    ...checkCluster(memberAt(spec, 'cluster'), [...root, 'cluster']),
    ...checkMonitoring(memberAt(spec, 'cluster'), [...root, 'cluster']),
    ...checkColdStore(memberAt(memberAt(spec, 'store'), 'cold'), [...root, 'store', 'cold']),
    ...models.flatMap(({ value, path }) => checkColdTier(spec, value, path)),
  ];
}

function checkModel(model: unknown, path: Path, names: readonly Fact[]): Problem[] {
  const fields = listAt(model, 'fields');
  return [
    ...checkFieldNames(fields, [...path, 'fields'], true),
    ...checkKeys(fields, [...path, 'fields']),
    ...fields.flatMap((field, at) => [
      ...checkTarget(field, [...path, 'fields', at], names),
      ...checkChangeable(field, model, [...path, 'fields', at]),
      ...checkAudited(field, model, [...path, 'fields', at]),
    ]),
    ...checkIndexes(model, path),
    ...checkTemplate(model, path),
    ...checkEvents(model, fields, [...path, 'events']),
    ...checkEvidence(model, fields, path),
    ...checkMemory(model, path),
    ...checkPersistenceWords(model, path),
    ...checkTracing(model, path),
    ...checkAudit(model, path),
    ...checkRetention(memberAt(memberAt(model, 'lifecycle'), 'retention'), [
      ...path,
      'lifecycle',
      'retention',
    ]),
  ];
}

/** A cache is of what is not in memory anyway; rows that nodes write by themselves are. */
function checkMemory(model: unknown, path: Path): Problem[] {
  const persistence = memberAt(model, 'persistence');
  const place = [...path, 'persistence'];
  if (memberAt(persistence, 'memory') === 'adaptive') {
    if (memberAt(persistence, 'consistency') !== 'eventual') return [];
    const message = 'memory: adaptive excludes consistency: eventual';
    return [problem([...place, 'memory'], 'conflicting', message)];
  }
  if (memberAt(persistence, 'cacheMiB') === undefined) return [];
  return [problem([...place, 'cacheMiB'], 'conflicting', 'cacheMiB needs memory: adaptive')];
}

/** What stays in memory for ever never comes to the disk, and memory has to be bounded. */
function checkRetention(retention: unknown, path: Path): Problem[] {
  if (retention === undefined) return [];
  const tiers = ['hot', 'warm'].filter((tier) => memberAt(retention, tier) !== undefined);
  if (tiers.length === 0) return [problem(path, 'missing_attribute', 'needs hot, warm or both')];
  if (memberAt(retention, 'cold') !== undefined && memberAt(retention, 'warm') === 'forever') {
    const message = 'nothing ever gets cold behind warm: forever; say warm: 90d, cold: forever';
    return [problem([...path, 'warm'], 'conflicting', message)];
  }
  if (memberAt(retention, 'hot') !== 'forever') return [];
  const message = 'hot cannot be forever: memory is bounded; say warm: forever';
  return [problem([...path, 'hot'], 'invalid_value', message)];
}

/** Where the past of a model gets cold there has to be a place for it. */
function checkColdTier(spec: unknown, model: unknown, path: Path): Problem[] {
  const retention = memberAt(memberAt(model, 'lifecycle'), 'retention');
  if (memberAt(retention, 'cold') === undefined) return [];
  if (memberAt(memberAt(spec, 'store'), 'cold') !== undefined) return [];
  const message = 'cold needs store.cold: say where cold archives go, a directory or an S3 bucket';
  return [problem([...path, 'lifecycle', 'retention', 'cold'], 'missing_attribute', message)];
}

/** What its pattern lets and is no URL all the same: a port that no host has, a host that none is. */
function checkEndpoint(endpoint: unknown, path: Path): Problem[] {
  if (typeof endpoint !== 'string' || !/^https?:\/\/[^ /?#]+\/?$/.test(endpoint)) return [];
  if (URL.parse(endpoint) !== null) return [];
  return [problem(path, 'invalid_value', `is no URL: ${JSON.stringify(endpoint)}`)];
}

const OF_S3 = ['bucket', 'prefix', 'endpoint', 'region', 'pathStyle', 'credentialsSecret'];

/** Each kind of store has attributes of its own. */
function checkColdStore(cold: unknown, path: Path): Problem[] {
  const type = memberAt(cold, 'type');
  if (type !== 'directory' && type !== 's3') return [];
  const [needed, others] = type === 's3' ? ['bucket', ['directory']] : ['directory', OF_S3];
  const missing =
    memberAt(cold, needed) === undefined
      ? [problem(path, 'missing_attribute', `type: ${type} needs ${needed}`)]
      : [];
  const foreign = others.filter((name) => memberAt(cold, name) !== undefined);
  return [
    ...missing,
    ...checkEndpoint(memberAt(cold, 'endpoint'), [...path, 'endpoint']),
    ...foreign.map((name) =>
      problem([...path, name], 'does_not_apply', `${name} does not apply to type: ${type}`),
    ),
  ];
}

const OF_PAST = ['historize', 'versioned'];

/** A chain of hashes is checked on events as they were recorded: whole, with actor and old values. */
function checkEvidence(model: unknown, fields: readonly unknown[], path: Path): Problem[] {
  if (memberAt(memberAt(model, 'security'), 'tamperEvidence') !== true) return [];
  const lifecycle = memberAt(model, 'lifecycle');
  const place = [...path, 'security', 'tamperEvidence'];
  if (memberAt(lifecycle, 'audited') !== true) {
    return [problem(place, 'conflicting', 'tamperEvidence needs lifecycle.audited: true')];
  }
  const prunes =
    memberAt(lifecycle, 'versioned') !== undefined ||
    fields.some((field) => OF_PAST.some((name) => memberAt(field, name) !== undefined));
  if (!prunes) return [];
  const message = 'tamperEvidence keeps events whole: versioned and historize exclude it';
  return [problem(place, 'conflicting', message)];
}

/** A change that takes a transition has its name besides those of `events`. */
function namedTwice(types: readonly Fact[], fields: readonly unknown[], path: Path): Problem[] {
  return fields.flatMap((field, at) =>
    listAt(memberAt(field, 'states'), 'transitions').flatMap((transition, nth) => {
      const place = [...path, at, 'states', 'transitions', nth];
      return textAt(transition, 'event', place).flatMap((event) => {
        if (!types.some(({ value }) => value === event.value)) return [];
        const message = `a second event is called ${quote(event.value)}`;
        return [problem(event.path, 'duplicate_name', message)];
      });
    }),
  );
}

/** Events are told apart by their type, and speak of fields that the model has. */
function checkEvents(model: unknown, fields: readonly unknown[], path: Path): Problem[] {
  const events = listAt(model, 'events');
  const known = fields.map((field) => memberAt(field, 'name'));
  const types = events.flatMap((event, at) => textAt(event, 'type', [...path, at]));
  return [
    ...duplicates(types, 'event'),
    ...namedTwice(types, fields, [...path.slice(0, -1), 'fields']),
    ...events.flatMap((event, at) => checkEventFields(event, known, [...path, at, 'fields'])),
  ];
}

function checkEventFields(event: unknown, known: readonly unknown[], path: Path): Problem[] {
  const names = listAt(event, 'fields');
  const when = memberAt(event, 'when');
  if (names.length > 0 && (when === 'create' || when === 'delete')) {
    return [problem(path, 'does_not_apply', `fields does not apply to when: ${when}`)];
  }
  return names.flatMap((name, at) => {
    if (typeof name !== 'string' || known.includes(name)) return [];
    const message = `there is no field ${quote(name)} in the model`;
    return [problem([...path, at], 'missing_field', message)];
  });
}

function checkFieldNames(fields: readonly unknown[], path: Path, top: boolean): Problem[] {
  const names = fields.flatMap((field, at) => textAt(field, 'name', [...path, at]));
  return [
    ...duplicates(names, 'field'),
    ...names.flatMap((name) => checkReserved(name, top)),
    ...fields.flatMap((field, at) => checkInnerNames(field, [...path, at])),
  ];
}

function checkInnerNames(value: unknown, path: Path): Problem[] {
  const items = memberAt(value, 'items');
  return [
    ...checkFieldNames(listAt(value, 'fields'), [...path, 'fields'], false),
    ...(items === undefined ? [] : checkInnerNames(items, [...path, 'items'])),
  ];
}

function checkReserved({ value, path }: Fact, top: boolean): Problem[] {
  const parameters: readonly string[] = QUERY_PARAMETERS;
  if (top && parameters.includes(value)) {
    return [problem(path, 'reserved_name', `${quote(value)} is a query parameter of every list`)];
  }
  if (!OBJECT_MEMBERS.includes(value)) return [];
  return [problem(path, 'reserved_name', `${quote(value)} is a reserved name`)];
}

function checkKeys(fields: readonly unknown[], path: Path): Problem[] {
  if (fields.length === 0) return [];
  const keys = fields.flatMap((field, at) => (memberAt(field, 'primaryKey') === true ? [at] : []));
  if (keys.length === 0) {
    return [problem(path, 'primary_key', 'one field must say primaryKey: true')];
  }
  const message = 'only one field can be the primary key';
  return keys.slice(1).map((at) => problem([...path, at, 'primaryKey'], 'primary_key', message));
}

function checkTarget(field: unknown, path: Path, models: readonly Fact[]): Problem[] {
  const known = new Set(models.map(({ value }) => value));
  return textAt(field, 'to', path)
    .filter((target) => !known.has(target.value))
    .map((target) =>
      problem(target.path, 'missing_model', `there is no model ${quote(target.value)}`),
    );
}

/** Of a model whose rows never change. */
function checkChangeable(field: unknown, model: unknown, path: Path): Problem[] {
  if (memberAt(memberAt(model, 'lifecycle'), 'immutable') !== true) return [];
  const says = 'would change a row of a model with lifecycle.immutable';
  const refuse = (name: string, message: string) =>
    problem([...path, name], 'conflicting', message);
  return [
    ...(memberAt(field, 'onDelete') === 'setNull' ? [refuse('onDelete', `setNull ${says}`)] : []),
    ...(memberAt(field, 'states') === undefined ? [] : [refuse('states', `a transition ${says}`)]),
  ];
}

/** A model is audited as a whole, or some of its fields are. */
function checkAudited(field: unknown, model: unknown, path: Path): Problem[] {
  if (memberAt(field, 'audited') !== false) return [];
  if (memberAt(memberAt(model, 'lifecycle'), 'audited') !== true) return [];
  const message = 'lifecycle.audited audits every field: say audited of fields instead';
  return [problem([...path, 'audited'], 'conflicting', message)];
}

function duplicates(names: readonly Fact[], noun: string): Problem[] {
  const seen = new Map<string, Path>();
  return names.flatMap((name) => {
    if (!seen.has(name.value)) {
      seen.set(name.value, name.path);
      return [];
    }
    return [
      problem(name.path, 'duplicate_name', `a second ${noun} is called ${quote(name.value)}`),
    ];
  });
}

const ROUTE = /^\/api(\/[A-Za-z0-9][A-Za-z0-9._~-]*)+$/;

function checkRoutes(models: readonly { value: unknown; path: Path }[]): Problem[] {
  const routes = models.flatMap(({ value, path }): (Fact & { given: boolean })[] => {
    const [given] = textAt(value, 'path', path);
    if (given) return [{ ...given, given: true }];
    const [name] = textAt(value, 'name', path);
    return name ? [{ value: defaultPath(name.value), path: name.path, given: false }] : [];
  });
  const malformed = routes.flatMap((route) => (route.given ? checkRoute(route) : []));
  const clashes = routes.flatMap((route, at) => clash(route, routes.slice(0, at)));
  return [...malformed, ...clashes];
}

function checkRoute({ value, path }: Fact): Problem[] {
  if (ROUTE.test(value)) return [];
  const refuse = (code: ProblemCode, message: string) => [problem(path, code, message)];
  if (!value.startsWith('/api/')) {
    return refuse('reserved_path', `must start with /api/; ${quote(value)} does not`);
  }
  if (/\/_/.test(value)) {
    return refuse('reserved_path', `a part that starts with _ is reserved, in ${quote(value)}`);
  }
  const rule = 'parts of letters, digits and . _ ~ - that start with a letter or digit';
  return refuse('invalid_path', `must be /api/ and ${rule}; ${quote(value)} is not`);
}

function under(inner: string, outer: string): boolean {
  return inner.startsWith(`${outer}/`);
}

/** `/api/a/b` under `/api/a` would be taken for the row `b` of the other model. */
function clash(route: Fact, earlier: readonly Fact[]): Problem[] {
  const other = earlier.find(
    ({ value }) => value === route.value || under(value, route.value) || under(route.value, value),
  );
  if (!other) return [];
  const how = other.value === route.value ? 'is taken by' : `clashes with ${other.value} of`;
  return [problem(route.path, 'path_clash', `the path ${route.value} ${how} another model`)];
}

function checkCluster(cluster: unknown, path: Path): Problem[] {
  const regions = listAt(cluster, 'regions');
  const names = regions.flatMap((region, at) => textAt(region, 'name', [...path, 'regions', at]));
  const problems = [...duplicates(names, 'region'), ...names.flatMap(reserved)];
  problems.push(...checkCounts(cluster, regions, path));
  if (memberAt(cluster, 'voters') === undefined || memberAt(cluster, 'regions') === undefined) {
    return problems;
  }
  const message = 'voters and regions exclude each other: give one of them';
  return [...problems, problem([...path, 'voters'], 'conflicting', message)];
}

/** `<name>-read` is the StatefulSet of the read replicas. */
function reserved({ value, path }: Fact): Problem[] {
  if (value !== 'read') return [];
  return [problem(path, 'invalid_name', 'no region can be called "read": read replicas are')];
}

/** Voters are odd, and no status lists more nodes than it can. */
function checkCounts(cluster: unknown, regions: readonly unknown[], path: Path): Problem[] {
  const [voters, learners] = ['Voter', 'Learner'].map((role) =>
    regions
      .filter((region) => (memberAt(region, 'role') ?? 'Voter') === role)
      .reduce((sum: number, region) => sum + nodesOf(region, role), 0),
  );
  if (regions.length === 0 || voters === undefined || learners === undefined) return [];
  const counts: readonly number[] = VOTER_COUNTS;
  if (!counts.includes(voters)) {
    const message = `the nodes of all Voter regions together must be 1, 3, 5 or 7, not ${voters}`;
    return [problem([...path, 'regions'], 'out_of_range', message)];
  }
  const replicas = memberAt(cluster, 'readReplicas');
  const members = voters + learners + (typeof replicas === 'number' ? replicas : 0);
  if (members <= LIMITS.members) return [];
  const message = `at most ${LIMITS.members} nodes in all, not ${members}`;
  return [problem([...path, 'regions'], 'out_of_range', message)];
}

function nodesOf(region: unknown, role: string): number {
  const nodes = memberAt(region, 'nodes');
  if (typeof nodes === 'number') return nodes;
  return role === 'Voter' ? DEFAULTS.voters : DEFAULTS.learners;
}
