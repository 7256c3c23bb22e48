/**
 * The identities of a cluster: one certificate authority, one certificate a member, one for whoever
 * administers it. The operator and `lithair certs` issue them; the peer links verify them.
 */
export { type CertificateAuthority, createAuthority, loadAuthority } from './authority.ts';
export { identityOf, type PeerIdentity, type PeerKind } from './identity.ts';
export { type IssuedCertificate, issueCertificate, needsRenewal } from './issue.ts';
