import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  CA_CERTIFICATE_FILE,
  MEMBER_CERTIFICATE_FILE,
  MEMBER_KEY_FILE,
} from '@lithair/crds/contract';
import { identityOf } from '@lithair/crds/identity';
import type { TlsMaterial } from './consensus/index.ts';
import { NodeError } from './exit.ts';

/**
 * Reads the certificate of a member or an administrator.
 *
 * @throws NodeError that names the file that is missing
 */
export async function readTlsMaterial(dir: string): Promise<TlsMaterial> {
  const [caPem, certificatePem, privateKeyPem] = await Promise.all(
    [CA_CERTIFICATE_FILE, MEMBER_CERTIFICATE_FILE, MEMBER_KEY_FILE].map((name) =>
      readPem(join(dir, name)),
    ),
  );
  return {
    caPem: caPem ?? '',
    certificatePem: certificatePem ?? '',
    privateKeyPem: privateKeyPem ?? '',
  };
}

/**
 * Makes sure that a member starts with its own certificate; its peers would refuse any other.
 *
 * @throws NodeError that says whose certificate it is
 */
export function requireMember(material: TlsMaterial, name: string, dir: string): void {
  const identity = identityOf(parse(material.certificatePem, dir).subjectAltName);
  if (identity?.kind === 'member' && identity.name === name) return;
  const found = identity === null ? 'nobody' : `${identity.kind} ${identity.name}`;
  throw new NodeError(`the certificate in ${dir} is that of ${found}, not of member ${name}`);
}

function parse(pem: string, dir: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw new NodeError(`${join(dir, MEMBER_CERTIFICATE_FILE)} is not a certificate`);
  }
}

async function readPem(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new NodeError(
      `cannot read ${path}: ${error.code === 'ENOENT' ? 'no such file' : error.message}`,
    );
  });
}
