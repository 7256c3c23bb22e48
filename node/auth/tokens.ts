import type { JwtSpec } from '@lithair/crds';
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose';
import type { Actor } from '../ports/index.ts';
import type { AuthPorts } from './authenticate.ts';
import { AuthError } from './errors.ts';

/** Tokens whose holders are remembered, and for how long: a key that is withdrawn stops counting. */
const MAX_REMEMBERED = 10_000;
const REMEMBERED_MS = 60_000;
/** A secret is read again after this, so that a new one takes effect. */
const SECRET_MS = 30_000;
/** RFC 7518, section 3.2: a key of HS256 has at least as many bytes as its hash. */
const MIN_SECRET_BYTES = 32;
const MAX_SUBJECT = 256;
const MAX_ROLES = 100;
const ROLE = /^[A-Z][A-Za-z0-9]{0,62}$/;
const BUILT_IN: readonly string[] = ['Public', 'Authenticated', 'Owner'];

interface Remembered {
  readonly actor: Actor;
  readonly untilMs: number;
}

/** The subjects of an identity provider's tokens (RFC 7519). */
export class Tokens {
  readonly #spec: JwtSpec;
  readonly #ports: AuthPorts;
  readonly #keyOf: JWTVerifyGetKey | null;
  readonly #remembered = new Map<string, Remembered>();
  #secret: { readonly bytes: Uint8Array; readonly untilMs: number } | null = null;

  constructor(spec: JwtSpec, ports: AuthPorts) {
    this.#spec = spec;
    this.#ports = ports;
    this.#keyOf = publicKeysOf(spec);
  }

  /** Null where the token is not one of the provider's, is not for us, or not valid now. */
  subjectOf(token: string): Actor | null | Promise<Actor | null> {
    const known = this.#remembered.get(token);
    if (known !== undefined && known.untilMs > this.#ports.clock.nowMs()) return known.actor;
    return this.#verify(token);
  }

  async #verify(token: string): Promise<Actor | null> {
    const { issuer, audience, algorithms, leewaySeconds } = this.#spec;
    const options = {
      issuer,
      audience,
      algorithms,
      clockTolerance: leewaySeconds,
      currentDate: new Date(this.#ports.clock.nowMs()),
      requiredClaims: ['exp'],
    };
    const keyOf = this.#keyOf ?? (await this.#secretKey());
    try {
      const { payload } = await jwtVerify(token, keyOf, options);
      return this.#remember(token, payload);
    } catch (error) {
      if (isWrongToken(error)) return null;
      throw unavailable('the keys of the identity provider cannot be had', error);
    }
  }

  #remember(token: string, payload: JWTPayload): Actor | null {
    const actor = actorOf(payload, this.#spec);
    if (actor === null) return null;
    const nowMs = this.#ports.clock.nowMs();
    const endsMs = ((payload.exp ?? 0) + this.#spec.leewaySeconds) * 1000;
    if (this.#remembered.size >= MAX_REMEMBERED) this.#forgetOldest();
    this.#remembered.set(token, { actor, untilMs: Math.min(endsMs, nowMs + REMEMBERED_MS) });
    return actor;
  }

  #forgetOldest(): void {
    const [oldest] = this.#remembered.keys();
    if (oldest !== undefined) this.#remembered.delete(oldest);
  }

  async #secretKey(): Promise<JWTVerifyGetKey> {
    const nowMs = this.#ports.clock.nowMs();
    if (this.#secret === null || this.#secret.untilMs <= nowMs) {
      const bytes = await this.#readSecret(this.#spec.secretName ?? '');
      this.#secret = { bytes, untilMs: nowMs + SECRET_MS };
    }
    const { bytes } = this.#secret;
    return async () => bytes;
  }

  async #readSecret(name: string): Promise<Uint8Array> {
    const bytes = await this.#ports.readSecret(name).catch((error: unknown) => {
      throw unavailable(`the secret ${name} cannot be read`, error);
    });
    if (bytes.length >= MIN_SECRET_BYTES) return bytes;
    throw new AuthError('keys_unavailable', `the secret ${name} has less than 32 bytes`);
  }
}

function publicKeysOf({ jwks, jwksUri }: JwtSpec): JWTVerifyGetKey | null {
  if (jwks !== undefined) return createLocalJWKSet(JSON.parse(jwks));
  return jwksUri === undefined ? null : createRemoteJWKSet(new URL(jwksUri));
}

/** What is wrong with the token itself; a key set that does not come is not. */
function isWrongToken(error: unknown): boolean {
  if (!(error instanceof errors.JOSEError)) return false;
  const isOfKeys = error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid;
  // What a key set answers with another status comes as the general error.
  return !isOfKeys && error.code !== 'ERR_JOSE_GENERIC';
}

function unavailable(message: string, cause: unknown): AuthError {
  return new AuthError('keys_unavailable', message, { cause });
}

/** Null where the token names no subject. Roles that no model can name are left out. */
function actorOf(payload: JWTPayload, { subjectClaim, rolesClaim }: JwtSpec): Actor | null {
  const subject = claimAt(payload, subjectClaim);
  if (typeof subject !== 'string' || subject === '' || subject.length > MAX_SUBJECT) return null;
  return { subject, method: 'jwt', roles: rolesOf(claimAt(payload, rolesClaim)) };
}

function rolesOf(claim: unknown): string[] {
  const given: unknown[] = typeof claim === 'string' ? claim.split(' ') : asList(claim);
  const roles = given.filter((role) => typeof role === 'string' && ROLE.test(role));
  const known = roles.flatMap((role) => (typeof role === 'string' ? [role] : []));
  return [...new Set(known)].filter((role) => !BUILT_IN.includes(role)).slice(0, MAX_ROLES);
}

function asList(claim: unknown): unknown[] {
  return Array.isArray(claim) ? claim : [];
}

/** A claim, or what stands inside an object of claims. The whole name counts before its parts. */
function claimAt(payload: JWTPayload, name: string): unknown {
  if (Object.hasOwn(payload, name)) return payload[name];
  let value: unknown = payload;
  for (const step of name.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step))
      return undefined;
    value = Reflect.get(value, step);
  }
  return value;
}
