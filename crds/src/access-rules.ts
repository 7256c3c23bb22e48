// Rules about callers: credentials that can be checked, and rights that somebody can have.
import { UNSPEAKABLE } from './expression/index.ts';
import { BUILT_IN_ROLES, JWT_ALGORITHMS } from './language-access.ts';
import { type Path, type Problem, problem } from './problems.ts';
import { listAt, memberAt } from './raw-value.ts';
import { describe } from './structure.ts';

const RESERVED_ROLES: readonly unknown[] = [...BUILT_IN_ROLES, 'Owner'];
const ROW_RIGHTS = ['create', 'read', 'update', 'delete', 'history'] as const;
const FIELD_RIGHTS = ['read', 'write'] as const;
const ASYMMETRIC = JWT_ALGORITHMS.filter((algorithm) => algorithm !== 'HS256');

/** `root` is where the spec stands in the document. */
export function checkAccess(spec: unknown, root: Path): Problem[] {
  const auth = memberAt(spec, 'auth');
  const isOpen = memberAt(auth, 'mode') !== 'tokens';
  return [
    ...checkCredentials(auth, isOpen, [...root, 'auth']),
    ...listAt(spec, 'models').flatMap((model, at) =>
      checkModel(model, isOpen, [...root, 'models', at]),
    ),
  ];
}

function checkCredentials(auth: unknown, isOpen: boolean, path: Path): Problem[] {
  const [apiKeys, jwt] = [memberAt(auth, 'apiKeys'), memberAt(auth, 'jwt')];
  if (isOpen) {
    const given = ['apiKeys', 'jwt'].filter((name) => memberAt(auth, name) !== undefined);
    return given.map((name) =>
      problem([...path, name], 'conflicting', `${name} needs auth.mode: tokens`),
    );
  }
  if (apiKeys === undefined && jwt === undefined) {
    return [problem(path, 'missing_attribute', 'mode tokens needs apiKeys, jwt or both')];
  }
  return [
    ...checkApiKeys(listAt(apiKeys, 'keys'), [...path, 'apiKeys', 'keys']),
    ...(jwt === undefined ? [] : checkJwt(jwt, [...path, 'jwt'])),
  ];
}

function checkApiKeys(keys: readonly unknown[], path: Path): Problem[] {
  return keys.flatMap((key, at) => [
    ...checkRoles(memberAt(key, 'roles'), [...path, at, 'roles'], 'a key'),
    ...(['name', 'sha256'] as const).flatMap((what) => {
      const isRepeated = keys.slice(0, at).some((other) => isSame(other, key, what));
      if (!isRepeated) return [];
      const message =
        what === 'name' ? 'a second key has this name' : 'the same key is there twice';
      return [problem([...path, at, what], 'duplicate_value', message)];
    }),
  ]);
}

function isSame(a: unknown, b: unknown, member: string): boolean {
  const value = memberAt(a, member);
  return value !== undefined && value === memberAt(b, member);
}

/** Everybody has the built-in roles, or nobody is given them. */
function checkRoles(roles: unknown, path: Path, whose: string): Problem[] {
  if (!Array.isArray(roles)) return [];
  return roles.flatMap((role: unknown, at) => {
    if (!RESERVED_ROLES.includes(role)) return [];
    return [
      problem([...path, at], 'reserved_name', `the role ${String(role)} is not given to ${whose}`),
    ];
  });
}

function checkJwt(jwt: unknown, path: Path): Problem[] {
  const algorithms = listAt(jwt, 'algorithms');
  const has = (name: string) => memberAt(jwt, name) !== undefined;
  const isSymmetric = algorithms.includes('HS256');
  const isAsymmetric = ASYMMETRIC.some((algorithm) => algorithms.includes(algorithm));
  if (isSymmetric && isAsymmetric) {
    const message = 'HS256 excludes RS256 and ES256: a public key could be taken for a secret';
    return [problem([...path, 'algorithms'], 'conflicting', message)];
  }
  if (isSymmetric) {
    const extra = ['jwks', 'jwksUri'].filter(has);
    return [
      ...(has('secretName')
        ? []
        : [problem([...path, 'secretName'], 'missing_attribute', 'HS256 needs secretName')]),
      ...extra.map((name) => problem([...path, name], 'conflicting', `HS256 excludes ${name}`)),
    ];
  }
  return isAsymmetric ? checkPublicKeys(jwt, has, path) : [];
}

function checkPublicKeys(jwt: unknown, has: (name: string) => boolean, path: Path): Problem[] {
  if (has('secretName')) {
    return [problem([...path, 'secretName'], 'conflicting', 'secretName is for HS256')];
  }
  if (has('jwks') === has('jwksUri')) {
    const message = 'RS256 and ES256 need one of jwks and jwksUri';
    return [problem(path, has('jwks') ? 'conflicting' : 'missing_attribute', message)];
  }
  const text = memberAt(jwt, 'jwks');
  const refusal = typeof text === 'string' ? refuseKeySet(text) : null;
  return refusal === null ? [] : [problem([...path, 'jwks'], 'invalid_value', refusal)];
}

/** A JWK set (RFC 7517, section 5) of public keys; null where it is one. */
function refuseKeySet(text: string): string | null {
  let set: unknown;
  try {
    set = JSON.parse(text);
  } catch {
    return 'must be the JSON text of a JWK set';
  }
  const keys = listAt(set, 'keys');
  if (keys.length === 0) return 'must be a JWK set: an object with at least one of keys';
  const isPrivate = keys.some((key) => memberAt(key, 'd') !== undefined || isSecret(key));
  return isPrivate ? 'must hold public keys alone: one of these is a secret' : null;
}

function isSecret(key: unknown): boolean {
  return memberAt(key, 'kty') === 'oct';
}

function checkModel(model: unknown, isOpen: boolean, path: Path): Problem[] {
  const rights = memberAt(model, 'permissions');
  return [
    ...checkRights(rights, isOpen, [...path, 'permissions']),
    ...checkOwner(model, rights, [...path, 'permissions']),
    ...checkHistory(model, rights, [...path, 'permissions', 'history']),
    ...listAt(rights, 'rows').flatMap((rule, at) =>
      checkRowRule(rule, [...path, 'permissions', 'rows', at]),
    ),
    ...listAt(model, 'fields').flatMap((field, at) =>
      checkField(field, isOpen, [...path, 'fields', at]),
    ),
  ];
}

function checkRights(rights: unknown, isOpen: boolean, path: Path): Problem[] {
  if (rights === undefined || !isOpen) return [];
  return [problem(path, 'conflicting', 'permissions need auth.mode: tokens')];
}

/** Types of fields that can hold a subject. */
const SUBJECT_TYPES: readonly unknown[] = ['string', 'uuid', 'reference'];

function checkOwner(model: unknown, rights: unknown, path: Path): Problem[] {
  const owner = memberAt(rights, 'owner');
  const named = placesOfOwner(model, rights);
  if (owner === undefined) {
    return named.map((place) => {
      const message = 'the role Owner needs permissions.owner: the field that holds the subject';
      return problem([...path.slice(0, -1), ...place], 'missing_attribute', message);
    });
  }
  const place = [...path, 'owner'];
  if (named.length === 0) {
    return [problem(place, 'conflicting', 'owner is of no use: no right names the role Owner')];
  }
  const field = listAt(model, 'fields').find((candidate) => memberAt(candidate, 'name') === owner);
  if (field === undefined) {
    return [problem(place, 'missing_field', `there is no field ${describe(owner)}`)];
  }
  if (memberAt(field, 'encrypted') === true) {
    return [problem(place, 'conflicting', 'the owner is encrypted: nobody could be told from it')];
  }
  if (UNSPEAKABLE.some((name) => name === owner)) {
    const message = `CEL keeps ${UNSPEAKABLE.join(', ')} for itself: call the owner otherwise`;
    return [problem(place, 'reserved_name', message)];
  }
  if (SUBJECT_TYPES.includes(memberAt(field, 'type'))) return [];
  return [problem(place, 'does_not_apply', 'the owner must be a string, a uuid or a reference')];
}

/** Whose past nobody keeps, nobody reads. */
function checkHistory(model: unknown, rights: unknown, path: Path): Problem[] {
  if (memberAt(rights, 'history') === undefined || keepsHistory(model)) return [];
  return [problem(path, 'conflicting', 'history is of no use: the model keeps no history')];
}

/** A model that is written on every node keeps some versions by itself. */
function keepsHistory(model: unknown): boolean {
  const lifecycle = memberAt(model, 'lifecycle');
  const isEventual = memberAt(memberAt(model, 'persistence'), 'consistency') === 'eventual';
  const isDeclared =
    memberAt(lifecycle, 'audited') === true ||
    memberAt(lifecycle, 'versioned') !== undefined ||
    memberAt(lifecycle, 'retention') !== undefined;
  return isEventual || isDeclared || listAt(model, 'fields').some(keepsValues);
}

function keepsValues(field: unknown): boolean {
  if (memberAt(field, 'audited') === true || memberAt(field, 'versioned') !== undefined)
    return true;
  const mode = memberAt(memberAt(field, 'historize'), 'mode');
  return mode !== undefined && mode !== 'never';
}

/** Where rights of a model and of its fields, and transitions, name the role, from the model on. */
function placesOfOwner(model: unknown, rights: unknown): Path[] {
  const ofRows = ROW_RIGHTS.filter((name) => listAt(rights, name).includes('Owner'));
  const ofFields = listAt(model, 'fields').flatMap((field, at) => {
    const own = memberAt(field, 'permissions');
    const names = FIELD_RIGHTS.filter((name) => listAt(own, name).includes('Owner'));
    const moves = listAt(memberAt(field, 'states'), 'transitions').flatMap(
      (transition, nth): Path[] =>
        listAt(transition, 'roles').includes('Owner')
          ? [['fields', at, 'states', 'transitions', nth, 'roles']]
          : [],
    );
    return [...names.map((name): Path => ['fields', at, 'permissions', name]), ...moves];
  });
  return [...ofRows.map((name): Path => ['permissions', name]), ...ofFields];
}

/** What is read, changed or deleted is there; what is created or changed will be. */
function checkRowRule(rule: unknown, path: Path): Problem[] {
  const operations = listAt(rule, 'operations');
  const has = (name: string) => memberAt(rule, name) !== undefined;
  const ofPresent = operations.some((operation) => operation !== 'create');
  const ofNew = operations.some((operation) => operation === 'create' || operation === 'update');
  const owners = listAt(rule, 'roles').includes('Owner')
    ? [
        problem(
          [...path, 'roles'],
          'reserved_name',
          'Owner stands in create, read, update, delete and history',
        ),
      ]
    : [];
  if (ofPresent && !has('using')) {
    const message = 'read, update and delete need using: a condition of the row that is there';
    return [...owners, problem(path, 'missing_attribute', message)];
  }
  if (!ofNew && has('check')) {
    const message = 'check is of a row that is written; it needs create or update';
    return [...owners, problem([...path, 'check'], 'does_not_apply', message)];
  }
  if (ofPresent || has('using') || has('check')) return owners;
  return [...owners, problem(path, 'missing_attribute', 'create needs check')];
}

/** Roles of transitions are those of callers. */
function checkTransitions(field: unknown, isOpen: boolean, path: Path): Problem[] {
  return listAt(memberAt(field, 'states'), 'transitions').flatMap((transition, at) => {
    const place = [...path, at, 'roles'];
    const roles = listAt(transition, 'roles');
    if (roles.length === 0 || !isOpen) return [];
    return [problem(place, 'conflicting', 'roles need auth.mode: tokens')];
  });
}

function checkField(field: unknown, isOpen: boolean, path: Path): Problem[] {
  const rights = memberAt(field, 'permissions');
  const place = [...path, 'permissions'];
  const isKey = memberAt(field, 'primaryKey') === true;
  if (isKey && rights !== undefined) {
    const message = 'whoever may read a row knows its primary key';
    return [problem(place, 'primary_key', message)];
  }
  return [
    ...checkRights(rights, isOpen, place),
    ...checkTransitions(field, isOpen, [...path, 'states', 'transitions']),
    ...(memberAt(field, 'hidden') === true ? checkHidden(field, isKey, path) : []),
  ];
}

/** What no request can bring has to come from somewhere else. */
function checkHidden(field: unknown, isKey: boolean, path: Path): Problem[] {
  const place = [...path, 'hidden'];
  if (isKey) return [problem(place, 'primary_key', 'a primary key is part of every address')];
  if (memberAt(field, 'permissions') !== undefined) {
    return [problem(place, 'conflicting', 'hidden and permissions exclude each other')];
  }
  if (memberAt(field, 'required') !== true) return [];
  return [problem(place, 'conflicting', 'a hidden field cannot be sent, so it cannot be required')];
}
