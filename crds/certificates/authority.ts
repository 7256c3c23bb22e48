import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

x509.cryptoProvider.set(webcrypto);

/** Key algorithm of every certificate of a cluster. */
export const KEY_ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

const TEN_YEARS_MS = 10 * 365 * 24 * 3600 * 1000;

/** A certificate authority with its private key. Whoever holds it can become any member. */
export interface CertificateAuthority {
  readonly certificate: x509.X509Certificate;
  readonly privateKey: webcrypto.CryptoKey;
  /** PEM of the certificate. */
  readonly certificatePem: string;
  /** PEM (PKCS #8) of the private key; a secret. */
  readonly privateKeyPem: string;
}

/** Creates a new self-signed authority for one cluster, valid for ten years from `nowMs`. */
export async function createAuthority(name: string, nowMs: number): Promise<CertificateAuthority> {
  const keys = await webcrypto.subtle.generateKey(KEY_ALGORITHM, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=Lithair CA ${name}`,
    notBefore: new Date(nowMs - 60_000),
    notAfter: new Date(nowMs + TEN_YEARS_MS),
    signingAlgorithm: KEY_ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return {
    certificate,
    privateKey: keys.privateKey,
    certificatePem: certificate.toString('pem'),
    privateKeyPem: await exportKey(keys.privateKey),
  };
}

/**
 * Loads an authority from its PEM files.
 *
 * @throws TypeError or DOMException where one of them is not what it should be.
 */
export async function loadAuthority(
  certificatePem: string,
  privateKeyPem: string,
): Promise<CertificateAuthority> {
  const certificate = new x509.X509Certificate(certificatePem);
  const der = x509.PemConverter.decodeFirst(privateKeyPem);
  const privateKey = await webcrypto.subtle.importKey('pkcs8', der, KEY_ALGORITHM, true, ['sign']);
  return { certificate, privateKey, certificatePem, privateKeyPem };
}

/** PEM (PKCS #8) of a private key. */
export async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}
