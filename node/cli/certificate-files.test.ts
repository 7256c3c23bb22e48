import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { writeCertificates } from './certificate-files.ts';

async function directory(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'lithair-certs-'));
  t.after(() => rm(dir, { recursive: true }));
  return join(dir, 'certs');
}

test('certificates that are there stay, and what is missing is made', async (t) => {
  const dir = await directory(t);
  await writeCertificates(dir, ['n1']);
  const before = await readFile(join(dir, 'n1', 'tls.crt'), 'utf8');
  assert.deepEqual(await writeCertificates(dir, ['n1', 'n2']), [join(dir, 'n2', 'tls.crt')]);
  assert.equal(await readFile(join(dir, 'n1', 'tls.crt'), 'utf8'), before);
  const files = await readdir(dir, { recursive: true });
  assert.deepEqual(
    files.filter((name) => name.endsWith('.tmp')),
    [],
  );
});

test('a power loss between key and certificate of the authority is made good', async (t) => {
  const dir = await directory(t);
  await writeCertificates(dir, []);
  await rm(join(dir, 'admin'), { recursive: true });
  await unlink(join(dir, 'ca.crt'));
  await writeFile(join(dir, 'ca.crt.tmp'), '');
  assert.equal((await writeCertificates(dir, ['n1'])).length, 4);
});

test('an authority whose certificate is gone after it was used is refused', async (t) => {
  const dir = await directory(t);
  await writeCertificates(dir, ['n1']);
  await unlink(join(dir, 'ca.crt'));
  await assert.rejects(writeCertificates(dir, ['n1']), /ca\.key without its other half/);
});
