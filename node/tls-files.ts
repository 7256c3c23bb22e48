import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  CA_CERTIFICATE_FILE,
  MEMBER_CERTIFICATE_FILE,
  MEMBER_KEY_FILE,
} from '@lithair/crds/contract';
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

async function readPem(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new NodeError(
      `cannot read ${path}: ${error.code === 'ENOENT' ? 'no such file' : error.message}`,
    );
  });
}
