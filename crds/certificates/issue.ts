import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { type CertificateAuthority, exportKey, KEY_ALGORITHM } from './authority.ts';
import { identityUri, type PeerIdentity } from './identity.ts';

const YEAR_MS = 365 * 24 * 3600 * 1000;
const RENEWAL_WINDOW_MS = 60 * 24 * 3600 * 1000;

/** A certificate and its private key, both as PEM. */
export interface IssuedCertificate {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

/** Issues a one-year certificate for an identity, good for both ends of a peer link. */
export async function issueCertificate(
  authority: CertificateAuthority,
  identity: PeerIdentity,
  nowMs: number,
): Promise<IssuedCertificate> {
  const keys = await webcrypto.subtle.generateKey(KEY_ALGORITHM, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.create({
    subject: `CN=${identity.name}`,
    issuer: authority.certificate.subject,
    notBefore: new Date(nowMs - 60_000),
    notAfter: new Date(nowMs + YEAR_MS),
    signingKey: authority.privateKey,
    publicKey: keys.publicKey,
    signingAlgorithm: KEY_ALGORITHM,
    extensions: await extensionsFor(authority, identity, keys.publicKey),
  });
  return {
    certificatePem: certificate.toString('pem'),
    privateKeyPem: await exportKey(keys.privateKey),
  };
}

async function extensionsFor(
  authority: CertificateAuthority,
  identity: PeerIdentity,
  publicKey: webcrypto.CryptoKey,
): Promise<x509.Extension[]> {
  const usages = [x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth];
  return [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension(usages),
    new x509.SubjectAlternativeNameExtension([
      { type: 'dns', value: identity.name },
      { type: 'url', value: identityUri(identity) },
    ]),
    await x509.AuthorityKeyIdentifierExtension.create(authority.certificate.publicKey),
    await x509.SubjectKeyIdentifierExtension.create(publicKey),
  ];
}

/** Whether a certificate is to be issued again: it ends within 60 days, or cannot be read. */
export function needsRenewal(certificatePem: string, nowMs: number): boolean {
  try {
    const certificate = new x509.X509Certificate(certificatePem);
    return certificate.notAfter.getTime() - nowMs < RENEWAL_WINDOW_MS;
  } catch {
    return true;
  }
}
