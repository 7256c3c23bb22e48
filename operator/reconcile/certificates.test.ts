import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { isRecord, type KubeObject } from '../kubernetes/index.ts';
import { Certificates, type SecretStore } from './certificates.ts';

const PLACE = { name: 'shop', namespace: 'trade', uid: 'u1' };
const MEMBERS = ['shop-0', 'shop-1', 'shop-2'];
const DAY_MS = 24 * 3600 * 1000;

/** The Secrets of a namespace, in memory, with a clock that only moves when it is told to. */
class Namespace implements SecretStore {
  readonly secrets = new Map<string, KubeObject>();
  nowMs = Date.parse('2026-01-01T00:00:00Z');

  get(_kind: string, name: string): Promise<KubeObject | null> {
    return Promise.resolve(this.secrets.get(name) ?? null);
  }

  create(object: KubeObject): Promise<KubeObject> {
    assert.equal(this.secrets.has(object.metadata.name), false, 'it exists already');
    return this.apply(object);
  }

  apply(object: KubeObject): Promise<KubeObject> {
    this.secrets.set(object.metadata.name, structuredClone(object));
    return Promise.resolve(object);
  }

  text(secret: string, key: string): string {
    const data = this.secrets.get(secret)?.['data'];
    const value = isRecord(data) ? data[key] : undefined;
    return typeof value === 'string' ? Buffer.from(value, 'base64').toString('utf8') : '';
  }
}

/** A namespace in which every member has its certificate. */
async function issuedNamespace(): Promise<{ namespace: Namespace; certificates: Certificates }> {
  const namespace = new Namespace();
  const certificates = new Certificates(namespace, () => namespace.nowMs);
  await certificates.createAuthority(PLACE);
  await certificates.issue(PLACE, MEMBERS, MEMBERS);
  return { namespace, certificates };
}

/** An operator that starts now: it remembers nothing. */
function restarted(namespace: Namespace): Certificates {
  return new Certificates(namespace, () => namespace.nowMs);
}

test('a new cluster has neither an authority nor certificates', async () => {
  const certificates = restarted(new Namespace());
  const survey = await certificates.survey(PLACE, MEMBERS);
  assert.deepEqual(survey, { authority: 'missing', due: MEMBERS });
  assert.equal(await certificates.admin(PLACE), null);
});

test('what was issued is found again by another process', async () => {
  const { namespace } = await issuedNamespace();
  const certificates = restarted(namespace);
  const survey = await certificates.survey(PLACE, MEMBERS);
  assert.deepEqual(survey, { authority: 'present', due: [] });
  assert.notEqual(await certificates.admin(PLACE), null);
  certificates.forget('trade/shop');
});

test('each member has a certificate for its own name from the one authority', async () => {
  const { namespace } = await issuedNamespace();
  const authority = new X509Certificate(namespace.text('shop-ca', 'ca.crt'));
  for (const member of MEMBERS) {
    const certificate = new X509Certificate(namespace.text('shop-peer-tls', `${member}.crt`));
    assert.ok(certificate.verify(authority.publicKey));
    assert.match(certificate.subjectAltName ?? '', new RegExp(`URI:lithair:member:${member}$`));
  }
});

test('certificates are renewed 60 days before they end, the others are kept', async () => {
  const { namespace, certificates } = await issuedNamespace();
  namespace.nowMs += 300 * DAY_MS;
  assert.deepEqual((await certificates.survey(PLACE, MEMBERS)).due, []);
  namespace.nowMs += 10 * DAY_MS;
  assert.deepEqual((await certificates.survey(PLACE, MEMBERS)).due, MEMBERS);
  const old = namespace.text('shop-peer-tls', 'shop-0.crt');
  await certificates.issue(PLACE, MEMBERS, ['shop-1']);
  assert.equal(namespace.text('shop-peer-tls', 'shop-0.crt'), old);
  assert.deepEqual((await certificates.survey(PLACE, MEMBERS)).due, ['shop-0', 'shop-2']);
});

test('an authority that was deleted by mistake comes back as it was', async () => {
  const { namespace, certificates } = await issuedNamespace();
  const before = namespace.text('shop-ca', 'ca.key');
  namespace.secrets.delete('shop-ca');
  namespace.nowMs += 31_000;
  assert.equal((await certificates.survey(PLACE, MEMBERS)).authority, 'missing');
  await certificates.createAuthority(PLACE);
  assert.equal(namespace.text('shop-ca', 'ca.key'), before);
});

test('certificates of another authority are issued again', async () => {
  const { namespace } = await issuedNamespace();
  namespace.secrets.delete('shop-ca');
  const certificates = restarted(namespace);
  await certificates.createAuthority(PLACE);
  namespace.nowMs += 31_000;
  assert.deepEqual((await certificates.survey(PLACE, MEMBERS)).due, MEMBERS);
});

test('a damaged authority is named and never replaced', async () => {
  const { namespace } = await issuedNamespace();
  const secret = namespace.secrets.get('shop-ca');
  assert.ok(secret);
  namespace.secrets.set('shop-ca', { ...secret, data: { 'ca.crt': 'bm90aGluZw==' } });
  await assert.rejects(restarted(namespace).survey(PLACE, MEMBERS), {
    name: 'BlockedError',
    reason: 'SecretDamaged',
  });
});

test('Secrets are read again after 30 seconds, not at every look', async () => {
  const { namespace, certificates } = await issuedNamespace();
  namespace.secrets.delete('shop-peer-tls');
  namespace.nowMs += 29_000;
  assert.deepEqual((await certificates.survey(PLACE, MEMBERS)).due, []);
  namespace.nowMs += 1_000;
  assert.deepEqual((await certificates.survey(PLACE, MEMBERS)).due, MEMBERS);
});
