// Rules about callers: credentials that can be checked, and rights that somebody can have.
import { BUILT_IN_ROLES, JWT_ALGORITHMS } from './language-access.ts';
import { type Path, type Problem, problem } from './problems.ts';
import { listAt, memberAt } from './raw-value.ts';

const RESERVED_ROLES: readonly unknown[] = [...BUILT_IN_ROLES, 'Owner'];
const ROW_RIGHTS = ['create', 'read', 'update', 'delete'] as const;
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
    ...checkRights(rights, ROW_RIGHTS, isOpen, [...path, 'permissions']),
    ...listAt(model, 'fields').flatMap((field, at) =>
      checkField(field, isOpen, [...path, 'fields', at]),
    ),
  ];
}

function checkRights(
  rights: unknown,
  names: readonly string[],
  isOpen: boolean,
  path: Path,
): Problem[] {
  if (rights === undefined) return [];
  if (isOpen) return [problem(path, 'conflicting', 'permissions need auth.mode: tokens')];
  return names.flatMap((name) =>
    listAt(rights, name).flatMap((role, at) => {
      if (role !== 'Owner') return [];
      const message = 'the role Owner is not supported yet';
      return [problem([...path, name, at], 'not_supported_yet', message)];
    }),
  );
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
    ...checkRights(rights, FIELD_RIGHTS, isOpen, place),
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
