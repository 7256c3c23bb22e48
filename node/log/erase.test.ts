import assert from 'node:assert/strict';
import { test } from 'node:test';
import { confState, contents, entries, hardState, names, openMember, saved } from './fixture.ts';
import { MemoryFileSystem, readFile } from './index.ts';

const SMALL = { segmentBytes: 16 * 1024 };

/** All bytes below a directory, as text. */
async function allBytes(fs: MemoryFileSystem, path: string): Promise<string> {
  const texts: string[] = [];
  for (const name of await fs.list(path)) {
    const inner = `${path}/${name}`;
    const kind = (await fs.stat(inner))?.kind;
    if (kind === 'directory') texts.push(await allBytes(fs, inner));
    else texts.push(new TextDecoder('latin1').decode(await readFile(fs, inner)));
  }
  return texts.join('\n');
}

const position = (index: number) => ({ index, term: 1, confState: confState(1) });
const content = (index: number) => [new TextEncoder().encode(`state ${index}`)];

test('what is erased is in no file any more, and what stays is recovered', async () => {
  const fs = new MemoryFileSystem();
  const { directory, log } = await openMember(fs, '/data', SMALL);
  await saved(log, { entries: entries(1, 400, 1), hardState: hardState(1, 1, 400) });
  await log.writeSnapshot(position(200), content(200));
  await log.writeSnapshot(position(400), content(400));
  log.compact(400);
  assert.match(await allBytes(fs, '/data'), /350\/1\//);
  await log.roll();
  await saved(log, { entries: entries(401, 410, 1), hardState: hardState(1, 1, 410) });
  await log.writeSnapshot(position(405), content(405));
  await log.writeSnapshot(position(410), content(410));
  assert.equal(await log.erase(410), 405);
  const left = await allBytes(fs, '/data');
  for (let index = 1; index <= 400; index++) {
    assert.doesNotMatch(left, new RegExp(`(?<![0-9])${index}/1/`));
  }
  assert.ok(left.includes('406/1/'));
  await directory.close();
  const again = await openMember(fs, '/data', SMALL);
  assert.deepEqual(contents(again.log), names(406, 410, 1));
  await saved(again.log, { entries: entries(411, 900, 1) });
  assert.deepEqual(contents(again.log), names(406, 900, 1));
  await again.directory.close();
});

test('a log that never rolled keeps what shares a segment with later entries', async () => {
  const fs = new MemoryFileSystem();
  const { directory, log } = await openMember(fs, '/data', SMALL);
  await saved(log, { entries: entries(1, 10, 1), hardState: hardState(1, 1, 10) });
  await log.writeSnapshot(position(8), content(8));
  await log.writeSnapshot(position(9), content(9));
  assert.equal(await log.erase(9), 8);
  assert.match(await allBytes(fs, '/data'), /5\/1\//);
  assert.deepEqual(contents(log), names(9, 10, 1));
  await directory.close();
});
