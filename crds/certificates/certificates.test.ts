import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import {
  createAuthority,
  identityOf,
  issueCertificate,
  loadAuthority,
  needsRenewal,
} from './index.ts';

const NOW_MS = Date.UTC(2030, 0, 1);
const DAY_MS = 24 * 3600 * 1000;

test('a certificate is signed by its authority and carries exactly its identity', async () => {
  const authority = await createAuthority('shop', NOW_MS);
  const issued = await issueCertificate(authority, { kind: 'member', name: 'shop-0' }, NOW_MS);
  const certificate = new X509Certificate(issued.certificatePem);
  assert.ok(certificate.verify(new X509Certificate(authority.certificatePem).publicKey));
  assert.deepEqual(identityOf(certificate.subjectAltName), { kind: 'member', name: 'shop-0' });
});

test('an authority loaded from its files issues what the original would', async () => {
  const authority = await createAuthority('shop', NOW_MS);
  const loaded = await loadAuthority(authority.certificatePem, authority.privateKeyPem);
  const issued = await issueCertificate(loaded, { kind: 'admin', name: 'operator' }, NOW_MS);
  const certificate = new X509Certificate(issued.certificatePem);
  assert.ok(certificate.verify(new X509Certificate(authority.certificatePem).publicKey));
});

test('no identity is read from names that carry none, two, or one of another kind', () => {
  assert.equal(identityOf(undefined), null);
  assert.equal(identityOf('DNS:shop-0'), null);
  assert.equal(identityOf('URI:lithair:member:a, URI:lithair:admin:b'), null);
  assert.equal(identityOf('URI:lithair:root:a'), null);
  assert.equal(identityOf('URI:lithair:member:A_B'), null);
});

test('a certificate is renewed sixty days before it ends, and when it cannot be read', async () => {
  const authority = await createAuthority('shop', NOW_MS);
  const issued = await issueCertificate(authority, { kind: 'member', name: 'a' }, NOW_MS);
  assert.equal(needsRenewal(issued.certificatePem, NOW_MS + 300 * DAY_MS), false);
  assert.equal(needsRenewal(issued.certificatePem, NOW_MS + 310 * DAY_MS), true);
  assert.equal(needsRenewal('not a certificate', NOW_MS), true);
});
