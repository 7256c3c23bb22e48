import { X509Certificate } from 'node:crypto';
import {
  type CertificateAuthority,
  createAuthority,
  type IssuedCertificate,
  issueCertificate,
  loadAuthority,
  needsRenewal,
} from '@lithair/crds/certificates';
import { AdminClient } from '../admin/index.ts';
import { isRecord, type KubeObject, type KubernetesApi, keyOf } from '../kubernetes/index.ts';
import {
  AUTHORITY_CERTIFICATE_KEY,
  AUTHORITY_KEY_KEY,
  authoritySecret,
  namesOf,
  peerTlsSecret,
} from '../manifests/index.ts';
import { BlockedError } from './errors.ts';

const READ_AGAIN_AFTER_MS = 30_000;
const ADMIN_NAME = 'operator';

/** Where Secrets are kept: the API server. */
export type SecretStore = Pick<KubernetesApi, 'get' | 'create' | 'apply'>;

interface Place {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
}

/** What is there, and which members are to get a new certificate. */
export interface Survey {
  readonly authority: 'present' | 'missing';
  readonly due: readonly string[];
}

interface Held {
  readAtMs: number;
  /** Whether the Secret was there; the authority stays in memory where it was not. */
  present: boolean;
  authority: CertificateAuthority | null;
  /** What the peer Secret holds, by member; null where it was not made with this authority. */
  issued: Map<string, IssuedCertificate>;
  admin: { readonly client: AdminClient; readonly certificatePem: string } | null;
}

/**
 * The authority and certificates of each cluster. Secrets are read by name, at most every 30 s; an
 * authority once read is kept, so that a Secret deleted by mistake comes back as it was.
 */
export class Certificates {
  readonly #api: SecretStore;
  readonly #now: () => number;
  readonly #held = new Map<string, Held>();

  constructor(api: SecretStore, now: () => number) {
    this.#api = api;
    this.#now = now;
  }

  /** @throws KubernetesError, BlockedError */
  async survey(place: Place, members: readonly string[]): Promise<Survey> {
    const held = await this.#read(place);
    const nowMs = this.#now();
    const due = members.filter((member) => {
      const certificate = held.issued.get(member);
      return certificate === undefined || needsRenewal(certificate.certificatePem, nowMs);
    });
    return { authority: held.present ? 'present' : 'missing', due };
  }

  /** A client that the members let in; null before there is an authority. */
  async admin(place: Place): Promise<AdminClient | null> {
    const held = this.#held.get(keyOf(place));
    if (held === undefined || held.authority === null) return null;
    if (held.admin !== null && !needsRenewal(held.admin.certificatePem, this.#now())) {
      return held.admin.client;
    }
    held.admin?.client.close();
    const identity = { kind: 'admin', name: ADMIN_NAME } as const;
    const issued = await issueCertificate(held.authority, identity, this.#now());
    const client = new AdminClient(held.authority.certificatePem, issued);
    held.admin = { client, certificatePem: issued.certificatePem };
    return client;
  }

  /** Writes an authority where there is none: the one we remember, or a new one. */
  async createAuthority(place: Place): Promise<void> {
    const held = await this.#read(place);
    const authority = held.authority ?? (await createAuthority(place.name, this.#now()));
    const { certificatePem, privateKeyPem } = authority;
    await this.#api.create(authoritySecret(place, certificatePem, privateKeyPem));
    held.authority = authority;
    held.present = true;
  }

  /** Gives certificates to `due`, keeps those of the other members, and writes the Secret. */
  async issue(place: Place, members: readonly string[], due: readonly string[]): Promise<void> {
    const { authority, issued } = await this.#read(place);
    if (authority === null) throw new Error('certificates cannot be issued without an authority');
    const next = new Map<string, IssuedCertificate>();
    for (const name of members) {
      const kept = due.includes(name) ? undefined : issued.get(name);
      const identity = { kind: 'member', name } as const;
      next.set(name, kept ?? (await issueCertificate(authority, identity, this.#now())));
    }
    await this.#api.apply(peerTlsSecret(place, authority.certificatePem, next));
    const held = this.#held.get(keyOf(place));
    if (held !== undefined) held.issued = next;
  }

  /** Forgets a cluster whose resource is gone. */
  forget(key: string): void {
    this.#held.get(key)?.admin?.client.close();
    this.#held.delete(key);
  }

  async #read(place: Place): Promise<Held> {
    const key = keyOf(place);
    const held = this.#held.get(key);
    const nowMs = this.#now();
    if (held !== undefined && nowMs - held.readAtMs < READ_AGAIN_AFTER_MS) return held;
    const names = namesOf(place.name);
    const [authoritySeen, peerTls] = await Promise.all([
      this.#api.get('Secret', names.authority, place.namespace),
      this.#api.get('Secret', names.peerTls, place.namespace),
    ]);
    const next = held ?? {
      readAtMs: 0,
      present: false,
      authority: null,
      issued: new Map(),
      admin: null,
    };
    await adoptAuthority(next, authoritySeen);
    next.issued = readIssued(peerTls, next.authority);
    next.readAtMs = nowMs;
    this.#held.set(key, next);
    return next;
  }
}

async function adoptAuthority(held: Held, secret: KubeObject | null): Promise<void> {
  held.present = secret !== null;
  if (secret === null) return;
  const certificatePem = entry(secret, AUTHORITY_CERTIFICATE_KEY);
  const privateKeyPem = entry(secret, AUTHORITY_KEY_KEY);
  if (held.authority?.certificatePem === certificatePem) return;
  held.authority = await readAuthority(secret.metadata.name, certificatePem, privateKeyPem);
  held.admin?.client.close();
  held.admin = null;
}

async function readAuthority(
  secret: string,
  certificatePem: string,
  privateKeyPem: string,
): Promise<CertificateAuthority> {
  try {
    return await loadAuthority(certificatePem, privateKeyPem);
  } catch {
    throw new BlockedError(
      'SecretDamaged',
      `Secret ${secret} holds no authority (ca.crt, ca.key): put it back or, for a new one, delete it`,
    );
  }
}

/** Certificates of the peer Secret that were issued by this authority. */
function readIssued(
  secret: KubeObject | null,
  authority: CertificateAuthority | null,
): Map<string, IssuedCertificate> {
  const issued = new Map<string, IssuedCertificate>();
  if (secret === null || authority === null) return issued;
  if (entry(secret, AUTHORITY_CERTIFICATE_KEY) !== authority.certificatePem) return issued;
  const key = new X509Certificate(authority.certificatePem).publicKey;
  for (const name of Object.keys(dataOf(secret))) {
    if (!name.endsWith('.crt') || name === AUTHORITY_CERTIFICATE_KEY) continue;
    const member = name.slice(0, -'.crt'.length);
    const certificatePem = entry(secret, name);
    const privateKeyPem = entry(secret, `${member}.key`);
    if (isPair(certificatePem, privateKeyPem, key)) {
      issued.set(member, { certificatePem, privateKeyPem });
    }
  }
  return issued;
}

function isPair(
  certificatePem: string,
  privateKeyPem: string,
  authorityKey: X509Certificate['publicKey'],
): boolean {
  try {
    return privateKeyPem !== '' && new X509Certificate(certificatePem).verify(authorityKey);
  } catch {
    return false;
  }
}

function dataOf(secret: KubeObject): Record<string, unknown> {
  return isRecord(secret['data']) ? secret['data'] : {};
}

function entry(secret: KubeObject, name: string): string {
  const value = dataOf(secret)[name];
  return typeof value === 'string' ? Buffer.from(value, 'base64').toString('utf8') : '';
}
