import { access, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type CertificateAuthority,
  createAuthority,
  issueCertificate,
  loadAuthority,
  type PeerKind,
} from '@lithair/crds/certificates';
import {
  CA_CERTIFICATE_FILE,
  MEMBER_CERTIFICATE_FILE,
  MEMBER_KEY_FILE,
} from '@lithair/crds/contract';
import { CliError } from './cli-error.ts';

const CA_KEY_FILE = 'ca.key';

/** Name of the directory with the certificate for `lithair member`, `model` and `snapshot`. */
export const ADMIN_DIR = 'admin';

/**
 * Makes what is missing in a directory of certificates and returns the paths that it wrote. What is
 * there stays as it is, so that running members keep the identities they have.
 *
 * @throws CliError where the authority in `dir` is incomplete or a name cannot be a member's
 */
export async function writeCertificates(
  dir: string,
  members: readonly string[],
): Promise<string[]> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const written: string[] = [];
  const authority = await authorityIn(dir, written);
  for (const name of members) await issueInto(dir, authority, 'member', name, written);
  await issueInto(dir, authority, 'admin', ADMIN_DIR, written);
  return written;
}

async function authorityIn(dir: string, written: string[]): Promise<CertificateAuthority> {
  const certificatePath = join(dir, CA_CERTIFICATE_FILE);
  const keyPath = join(dir, CA_KEY_FILE);
  const [hasCertificate, hasKey] = await Promise.all([exists(certificatePath), exists(keyPath)]);
  if (hasCertificate && hasKey) {
    return loadAuthority(await readFile(certificatePath, 'utf8'), await readFile(keyPath, 'utf8'));
  }
  if (hasCertificate || hasKey) {
    throw new CliError(`${dir} holds ${hasKey ? 'ca.key' : 'ca.crt'} without its other half`);
  }
  const authority = await createAuthority(dir, Date.now());
  await writeNew(keyPath, authority.privateKeyPem, written);
  await writeNew(certificatePath, authority.certificatePem, written);
  return authority;
}

async function issueInto(
  dir: string,
  authority: CertificateAuthority,
  kind: PeerKind,
  name: string,
  written: string[],
): Promise<void> {
  const into = join(dir, name);
  if (await exists(join(into, MEMBER_CERTIFICATE_FILE))) return;
  const issued = await issueCertificate(authority, { kind, name }, Date.now()).catch((error) => {
    throw new CliError(error instanceof Error ? error.message : String(error));
  });
  await mkdir(into, { recursive: true, mode: 0o700 });
  await writeFile(join(into, CA_CERTIFICATE_FILE), authority.certificatePem);
  await writeFile(join(into, MEMBER_KEY_FILE), issued.privateKeyPem, { mode: 0o600 });
  await writeNew(join(into, MEMBER_CERTIFICATE_FILE), issued.certificatePem, written);
}

async function writeNew(path: string, text: string, written: string[]): Promise<void> {
  await writeFile(path, text, { mode: 0o600, flag: 'wx' });
  written.push(path);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
