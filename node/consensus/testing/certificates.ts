import {
  type CertificateAuthority,
  createAuthority,
  issueCertificate,
  type PeerKind,
} from '@lithair/crds/certificates';
import type { TlsMaterial } from '../index.ts';

/** A new authority of a cluster. */
export function authority(): Promise<CertificateAuthority> {
  return createAuthority('test', Date.now());
}

/** What somebody with this identity, issued by this authority, presents. */
export async function materialOf(
  issuer: CertificateAuthority,
  kind: PeerKind,
  name: string,
): Promise<TlsMaterial> {
  const issued = await issueCertificate(issuer, { kind, name }, Date.now());
  return { caPem: issuer.certificatePem, ...issued };
}
