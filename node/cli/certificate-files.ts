import { access, open, readdir, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
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
import { NodeFileSystem } from '../log/index.ts';
import { CliError, fileReason } from './cli-error.ts';

const CA_KEY_FILE = 'ca.key';
const UNFINISHED = '.tmp';
const disk = new NodeFileSystem();

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
  await disk.makeDirectory(dir);
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
  if (hasCertificate || (hasKey && !(await isUnfinished(dir)))) {
    throw new CliError(`${dir} holds ${hasKey ? 'ca.key' : 'ca.crt'} without its other half`);
  }
  const authority = await createAuthority(dir, Date.now());
  await writeNew(keyPath, authority.privateKeyPem, written);
  await writeNew(certificatePath, authority.certificatePem, written);
  return authority;
}

/** Whether power was lost right after the key was written: then nobody has relied on it yet. */
async function isUnfinished(dir: string): Promise<boolean> {
  const names = await readdir(dir);
  return names.every((name) => name === CA_KEY_FILE || name.endsWith(UNFINISHED));
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
  await disk.makeDirectory(into);
  await writeDurably(join(into, CA_CERTIFICATE_FILE), authority.certificatePem);
  await writeDurably(join(into, MEMBER_KEY_FILE), issued.privateKeyPem);
  await writeNew(join(into, MEMBER_CERTIFICATE_FILE), issued.certificatePem, written);
}

async function writeNew(path: string, text: string, written: string[]): Promise<void> {
  await writeDurably(path, text);
  written.push(path);
}

/** Whole or not there, whenever power is lost; readable by the owner only. */
async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(`${path}${UNFINISHED}`, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } catch (error) {
    throw new CliError(`cannot write ${path}: ${fileReason(error)}`);
  } finally {
    await file.close();
  }
  await rename(`${path}${UNFINISHED}`, path);
  await disk.syncDirectory(dirname(path));
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
