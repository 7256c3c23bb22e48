import assert from 'node:assert/strict';
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { replaceFile, writeNewFile } from './write-file.ts';

const dir = mkdtempSync(join(tmpdir(), 'lithair-write-'));
after(() => rmSync(dir, { recursive: true }));

test('a new file is whole, and never in the place of another', async () => {
  const path = join(dir, 'new');
  await writeNewFile(path, 'one');
  await assert.rejects(writeNewFile(path, 'two'), /cannot write .*new: it is there already/);
  assert.equal(readFileSync(path, 'utf8'), 'one');
  await assert.rejects(writeNewFile(join(dir, 'none', 'new'), ''), /no such file or directory/);
});

test('a file is replaced, also through a link, and nothing is left beside it', async () => {
  writeFileSync(join(dir, 'target'), 'old');
  symlinkSync(join(dir, 'target'), join(dir, 'way'));
  await replaceFile(join(dir, 'way'), 'new');
  assert.equal(readFileSync(join(dir, 'target'), 'utf8'), 'new');
  assert.equal(readFileSync(join(dir, 'way'), 'utf8'), 'new');
  await replaceFile(join(dir, 'other'), 'made');
  await assert.rejects(replaceFile(dir, 'x'), /it is a directory/);
  await replaceFile('/dev/null', 'x');
  assert.deepEqual(
    readdirSync(dir).filter((name) => name.endsWith('.tmp')),
    [],
  );
});
