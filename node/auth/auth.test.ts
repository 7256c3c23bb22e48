import assert from 'node:assert/strict';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { AuthSchema, JwtSpec } from '@lithair/crds';
import fc from 'fast-check';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import type { Clock } from '../ports/index.ts';
import { ANONYMOUS, apiKeyHash, apiKeyOf, createAuthenticate } from './index.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const SECRET = new Uint8Array(32).fill(7);
const KEY = apiKeyOf(new Uint8Array(32).fill(1));

/** A clock that stands still until it is told. */
class StoppedClock implements Clock {
  now = NOW_MS;
  nowMs(): number {
    return this.now;
  }
  monotonicMs(): number {
    return this.now;
  }
  after(): never {
    throw new Error('nothing waits here');
  }
}

function jwtOf(more: Partial<JwtSpec> = {}): JwtSpec {
  return {
    issuer: 'https://id.example',
    audience: 'shop',
    algorithms: ['HS256'],
    secretName: 'signing',
    subjectClaim: 'sub',
    rolesClaim: 'roles',
    leewaySeconds: 30,
    ...more,
  };
}

function readSecret(name: string): Promise<Uint8Array> {
  return name === 'signing' ? Promise.resolve(SECRET) : Promise.reject(new Error(`no ${name}`));
}

function authenticator(auth: AuthSchema, clock: Clock = new StoppedClock()) {
  const authenticate = createAuthenticate(auth, { clock, readSecret });
  return async (headers: IncomingHttpHeaders) => authenticate(headers);
}

function tokenOf(claims: JWTPayload, expiresMs = NOW_MS + 60_000): Promise<string> {
  const all = { iss: 'https://id.example', aud: 'shop', sub: 'u1', ...claims };
  return new SignJWT({ ...all, exp: expiresMs / 1000 })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(SECRET);
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

test('where everybody may call, credentials are not looked at', async () => {
  const authenticate = createAuthenticate(undefined, {
    clock: new StoppedClock(),
    readSecret: assert.fail,
  });
  assert.equal(authenticate(bearer('whatever')), ANONYMOUS);
});

test('an API key tells its holder, in either header; another key tells nobody', async () => {
  const keys = [{ name: 'importer', sha256: apiKeyHash(KEY), roles: ['Manager'] }];
  const authenticate = authenticator({ apiKeys: { keys } });
  const holder = { subject: 'importer', method: 'apiKey', roles: ['Manager'] };
  assert.deepEqual(await authenticate(bearer(KEY)), holder);
  assert.deepEqual(await authenticate({ 'x-api-key': KEY }), holder);
  assert.equal(await authenticate(bearer(apiKeyOf(new Uint8Array(32).fill(2)))), null);
  assert.equal(await authenticate(bearer(apiKeyHash(KEY))), null, 'the hash is no key');
});

test('keys are told apart in any order, whichever of them came before', async () => {
  const all = Array.from({ length: 20 }, (_, n) => apiKeyOf(new Uint8Array(32).fill(n)));
  const known = all.slice(0, 15);
  const keys = known.map((key, n) => ({ name: `k${n}`, sha256: apiKeyHash(key), roles: [] }));
  const authenticate = authenticator({ apiKeys: { keys } });
  // Beside them what is a right key but for one character, and what begins as one.
  const given = all.flatMap((key) => {
    return [key, `${key.slice(0, -1)}_`, `${key.slice(0, 5)}_${key.slice(6)}`, `${key}A`];
  });
  const order = fc.array(fc.constantFrom(...given), { maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(order, async (sequence) => {
      for (const key of sequence) {
        const at = known.indexOf(key);
        const actor = await authenticate(bearer(key));
        assert.equal(actor?.subject ?? null, at === -1 ? null : `k${at}`);
      }
    }),
  );
});

test('no credentials are nobody in particular; what is no credential is a wrong one', async () => {
  const authenticate = authenticator({ jwt: jwtOf() });
  assert.equal(await authenticate({}), ANONYMOUS);
  for (const authorization of ['', 'Basic dTpw', 'Bearer', 'Bearer a b', 'token', 'Bearer x.y.z']) {
    assert.equal(await authenticate({ authorization }), null, authorization);
  }
  assert.equal(await authenticate({ ...bearer(KEY), 'x-api-key': KEY }), null, 'two at once');
  assert.equal(await authenticate(bearer('x'.repeat(9000))), null);
});

test('a token tells its subject and the roles that models can name', async () => {
  const authenticate = authenticator({ jwt: jwtOf() });
  const roles = ['Manager', 'offline_access', 'Authenticated', 'Owner', 7, 'Manager'];
  const actor = { subject: 'u1', method: 'jwt', roles: ['Manager'] };
  assert.deepEqual(await authenticate(bearer(await tokenOf({ roles }))), actor);
  const inText = await tokenOf({ roles: 'Manager Clerk' });
  assert.deepEqual((await authenticate(bearer(inText)))?.roles, ['Manager', 'Clerk']);
});

test('claims have the names that the model gives them, also inside objects', async () => {
  const spec = jwtOf({ subjectClaim: 'user.id', rolesClaim: 'https://shop/roles' });
  const authenticate = authenticator({ jwt: spec });
  const token = await tokenOf({ user: { id: 'u9' }, 'https://shop/roles': ['Clerk'] });
  assert.deepEqual(await authenticate(bearer(token)), {
    subject: 'u9',
    method: 'jwt',
    roles: ['Clerk'],
  });
});

test('a token of somebody else, for somebody else, without a subject or an end is wrong', async () => {
  const authenticate = authenticator({ jwt: jwtOf() });
  const wrong = [
    await tokenOf({ iss: 'https://other.example' }),
    await tokenOf({ aud: 'another' }),
    await tokenOf({ sub: '' }),
    await tokenOf({ sub: 'x'.repeat(257) }),
    await tokenOf({}, NOW_MS - 31_000),
    await tokenOf({ nbf: NOW_MS / 1000 + 31 }),
    await new SignJWT({ iss: 'https://id.example', aud: 'shop', sub: 'u1' })
      .setProtectedHeader({ alg: 'HS256' })
      .sign(SECRET),
    await new SignJWT({ iss: 'https://id.example', aud: 'shop', sub: 'u1', exp: NOW_MS })
      .setProtectedHeader({ alg: 'HS256' })
      .sign(new Uint8Array(32).fill(8)),
    await new SignJWT({ iss: 'https://id.example', aud: 'shop', sub: 'u1', exp: NOW_MS })
      .setProtectedHeader({ alg: 'HS512' })
      .sign(new Uint8Array(64).fill(7)),
  ];
  for (const [at, token] of wrong.entries()) {
    assert.equal(await authenticate(bearer(token)), null, String(at));
  }
  assert.notEqual(await authenticate(bearer(await tokenOf({}, NOW_MS - 29_000))), null);
});

test('a token that was right is refused once its time is over', async () => {
  const clock = new StoppedClock();
  const authenticate = authenticator({ jwt: jwtOf({ leewaySeconds: 0 }) }, clock);
  const token = await tokenOf({}, NOW_MS + 10_000);
  assert.notEqual(await authenticate(bearer(token)), null);
  clock.now += 9_000;
  assert.notEqual(await authenticate(bearer(token)), null);
  clock.now += 1_001;
  assert.equal(await authenticate(bearer(token)), null);
});

test('a secret that is not there, or too short, is no fault of the caller', async () => {
  const missing = authenticator({ jwt: jwtOf({ secretName: 'missing' }) });
  await assert.rejects(missing(bearer(await tokenOf({}))), { code: 'keys_unavailable' });
});

for (const algorithm of ['RS256', 'ES256'] as const) {
  test(`a token signed by ${algorithm} is verified by a key of the set, and by no other`, async () => {
    const mine = await generateKeyPair(algorithm, { extractable: true });
    const other = await generateKeyPair(algorithm);
    const key = { ...(await exportJWK(mine.publicKey)), kid: 'k1', alg: algorithm };
    const jwks = JSON.stringify({ keys: [key] });
    const spec = jwtOf({ algorithms: [algorithm], jwks });
    const authenticate = authenticator({ jwt: spec });
    const claims = { iss: 'https://id.example', aud: 'shop', sub: 'u1', exp: NOW_MS / 1000 + 60 };
    const signed = (by: (typeof mine)['privateKey']) =>
      new SignJWT(claims).setProtectedHeader({ alg: algorithm, kid: 'k1' }).sign(by);
    const actor = { subject: 'u1', method: 'jwt', roles: [] };
    assert.deepEqual(await authenticate(bearer(await signed(mine.privateKey))), actor);
    assert.equal(await authenticate(bearer(await signed(other.privateKey))), null);
    assert.equal(await authenticate(bearer(await tokenOf({}))), null, 'a symmetric signature');
  });
}

test('a key set is fetched from its address; one that does not come is no fault of the caller', async () => {
  const pair = await generateKeyPair('ES256', { extractable: true });
  let isDown = true;
  const key = { ...(await exportJWK(pair.publicKey)), kid: 'k1', alg: 'ES256' };
  const server = createServer((_, res) => {
    res.statusCode = isDown ? 500 : 200;
    res.end(JSON.stringify({ keys: [key] }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const jwksUri = `http://127.0.0.1:${portOf(server.address())}/keys`;
  const authenticate = authenticator({ jwt: jwtOf({ algorithms: ['ES256'], jwksUri }) });
  const claims = { iss: 'https://id.example', aud: 'shop', sub: 'u1', exp: NOW_MS / 1000 + 60 };
  const token = await new SignJWT(claims)
    .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
    .sign(pair.privateKey);
  await assert.rejects(authenticate(bearer(token)), { code: 'keys_unavailable' });
  isDown = false;
  assert.equal((await authenticate(bearer(token)))?.subject, 'u1');
  await new Promise((resolve) => server.close(resolve));
});

function portOf(address: AddressInfo | string | null): number {
  assert.ok(address !== null && typeof address !== 'string');
  return address.port;
}

test('a signature by another algorithm is wrong, though its key is right', async () => {
  const claims = { iss: 'https://id.example', aud: 'shop', sub: 'u1', exp: NOW_MS / 1000 + 60 };
  const signed = (alg: string) => new SignJWT(claims).setProtectedHeader({ alg }).sign(SECRET);
  const authenticate = authenticator({ jwt: jwtOf() });
  assert.equal((await authenticate(bearer(await signed('HS256'))))?.subject, 'u1');
  assert.equal(await authenticate(bearer(await signed('HS512'))), null);
});
