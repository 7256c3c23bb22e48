import assert from 'node:assert/strict';
import {
  cp,
  mkdtemp,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { crc32c } from '../log/crc32c.ts';
import { entry, openMember, saved } from '../log/fixture.ts';
import { NodeFileSystem } from '../log/index.ts';
import { freePortFlags, lithair } from './serve-process.ts';

const MODEL = join(import.meta.dirname, 'notes.yaml');
const SECTOR_BYTES = 512;
const SEGMENT_BYTES = 64 * 1024;
const [FIRST, SECOND, THIRD] = [1, 2, 3].map((n) => `${String(n).padStart(16, '0')}.seg`);

const root = await mkdtemp(join(tmpdir(), 'lithair-damaged-'));
after(() => rm(root, { recursive: true, force: true }));
const sound = join(root, 'sound');
let copies = 0;

/** A directory of a member that was closed in order: four segments and two snapshots. */
before(async () => {
  const limits = { segmentBytes: SEGMENT_BYTES };
  const { directory, log } = await openMember(new NodeFileSystem(), sound, limits);
  const confState = {
    voters: [1],
    learners: [],
    votersOutgoing: [],
    learnersNext: [],
    autoLeave: false,
  };
  await log.bootstrap({ index: 1, term: 1, confState }, [new Uint8Array(3000).fill(7)]);
  for (let index = 2; index <= 400; index++) {
    await saved(log, { entries: [entry(index, 1, 500)] });
  }
  await log.writeSnapshot({ index: 300, term: 1, confState }, [new Uint8Array(3000).fill(8)]);
  await directory.close();
});

async function copyOf(): Promise<string> {
  copies += 1;
  const dir = join(root, `copy${copies}`);
  await cp(sound, dir, { recursive: true });
  return dir;
}

async function change(path: string, act: (bytes: Buffer) => void): Promise<void> {
  const file = await open(path, 'r+');
  const bytes = Buffer.alloc((await file.stat()).size);
  await file.read(bytes, 0, bytes.length, 0);
  act(bytes);
  await file.write(bytes, 0, bytes.length, 0);
  await file.close();
}

const segment = (dir: string, name = SECOND) => join(dir, 'events.raftlog', name ?? '');

/** What happens to a disk, and what must be said of it. */
const DAMAGES: readonly [string, (dir: string) => Promise<void>, RegExp][] = [
  [
    'a flipped bit in a payload',
    (dir) => change(segment(dir), (bytes) => (bytes[20_000] = (bytes[20_000] ?? 0) ^ 4)),
    /^0000000000000002\.seg is corrupt at offset \d+, record \d+: /,
  ],
  [
    'a flipped bit in the header of a segment',
    (dir) => change(segment(dir), (bytes) => (bytes[24] = (bytes[24] ?? 0) ^ 1)),
    /^0000000000000002\.seg is corrupt/,
  ],
  [
    'a sector that was written to another place',
    (dir) =>
      change(segment(dir), (bytes) =>
        bytes.copyWithin(40 * SECTOR_BYTES, 60 * SECTOR_BYTES, 61 * SECTOR_BYTES),
      ),
    /^0000000000000002\.seg is corrupt at offset \d+, record \d+: /,
  ],
  [
    'a sector that came from another segment',
    async (dir) => {
      const other = await open(segment(dir, THIRD), 'r');
      const sector = Buffer.alloc(SECTOR_BYTES);
      await other.read(sector, 0, SECTOR_BYTES, 50 * SECTOR_BYTES);
      await other.close();
      await change(segment(dir), (bytes) => sector.copy(bytes, 50 * SECTOR_BYTES));
    },
    /^0000000000000002\.seg is corrupt at offset \d+, record \d+: /,
  ],
  [
    'a sector of zeros',
    (dir) => change(segment(dir), (bytes) => bytes.fill(0, 50 * SECTOR_BYTES, 51 * SECTOR_BYTES)),
    /^0000000000000002\.seg is corrupt at offset \d+, record \d+: /,
  ],
  [
    'a segment that ends too early',
    (dir) => truncate(segment(dir), 30_100),
    /^0000000000000002\.seg is corrupt at offset \d+, record \d+: the file ends/,
  ],
  [
    'a missing first segment',
    (dir) => unlink(segment(dir, FIRST)),
    /^0000000000000001\.seg is corrupt: .*(missing|removed)/,
  ],
  [
    'a missing segment',
    (dir) => unlink(segment(dir)),
    /^0000000000000002\.seg is corrupt: the segment is missing/,
  ],
  [
    'a missing last segment',
    async (dir) => {
      const names = await readdir(join(dir, 'events.raftlog'));
      await unlink(
        segment(
          dir,
          names
            .filter((name) => !name.startsWith('spare'))
            .sort()
            .at(-1),
        ),
      );
    },
    /^0000000000000004\.seg is corrupt: the segment is missing/,
  ],
  [
    'two swapped segments',
    async (dir) => {
      await rename(segment(dir), segment(dir, 'x'));
      await rename(segment(dir, THIRD), segment(dir));
      await rename(segment(dir, 'x'), segment(dir, THIRD));
    },
    /^0000000000000002\.seg is corrupt: the file holds segment 3: files were swapped/,
  ],
  [
    'a damaged node.json',
    (dir) => change(join(dir, 'node.json'), (bytes) => (bytes[40] = (bytes[40] ?? 0) ^ 1)),
    /^node\.json is corrupt: /,
  ],
  [
    'two damaged snapshots',
    async (dir) => {
      for (const name of ['state.raftsnap', 'state.raftsnap.prev']) {
        await change(join(dir, name), (bytes) => (bytes[1000] = (bytes[1000] ?? 0) ^ 1));
      }
    },
    /^state\.raftsnap is corrupt at offset \d+, record \d+: a chunk does not match its checksum/,
  ],
];

/** Makes a header say another format version, with a checksum that fits. */
function asVersion(version: number, header: Buffer): void {
  header.writeUInt16LE(version, 8);
  header.writeUInt32LE(0, 12);
  header.writeUInt32LE(crc32c(header, 0, header.length, 0), 12);
}

/** Files as a later program would write them: sound, and not for this one. */
const VERSIONS: readonly [string, (dir: string) => Promise<void>, RegExp][] = [
  [
    'a segment',
    (dir) => change(segment(dir), (bytes) => asVersion(2, bytes.subarray(0, SECTOR_BYTES))),
    /^0000000000000002\.seg has format version 2; this version reads 1/,
  ],
  [
    'a snapshot',
    (dir) =>
      change(join(dir, 'state.raftsnap'), (bytes) =>
        asVersion(3, bytes.subarray(0, bytes.readUInt32LE(16))),
      ),
    /^state\.raftsnap has format version 3; this one reads 2/,
  ],
  [
    'node.json',
    async (dir) => {
      const file = join(dir, 'node.json');
      const { checksum: _, ...fields } = JSON.parse(await readFile(file, 'utf8'));
      const content = { ...fields, formatVersion: 2 };
      const bytes = Buffer.from(JSON.stringify(content));
      const digits = crc32c(bytes, 0, bytes.length, 0).toString(16).padStart(8, '0');
      await writeFile(file, JSON.stringify({ ...content, checksum: `crc32c:${digits}` }));
    },
    /^node\.json has format version 2; this one reads 1/,
  ],
];

describe('a data directory that the disk has damaged', () => {
  test('is sound before', async () => {
    const names = (await readdir(join(sound, 'events.raftlog'))).filter(
      (name) => !name.startsWith('spare'),
    );
    assert.equal(names.length, 4, names.join());
    assert.equal((await lithair('log', sound, '--verify')).code, 0);
  });

  const versions = VERSIONS.map(
    ([what, damage, words]) => [`${what} of an unknown version`, damage, words] as const,
  );
  for (const [what, damage, words] of [...DAMAGES, ...versions]) {
    test(`${what} is named by verification and refused by a node, which changes nothing`, async () => {
      const dir = await copyOf();
      await damage(dir);
      const sizes = await sizesOf(dir);
      const [verified, served] = await Promise.all([
        lithair('log', dir, '--verify'),
        lithair('serve', MODEL, '--data', dir, ...(await freePortFlags())),
      ]);
      for (const { code, output } of [verified, served]) {
        assert.equal(code, 3, output);
        assert.match(lastLine(output), words);
      }
      assert.deepEqual(await sizesOf(dir), sizes);
    });
  }
});

/** Without what says who speaks. */
function lastLine(output: string): string {
  const line = output.trimEnd().split('\n').at(-1) ?? '';
  return line.replace(/^lithair: (log: )?/, '');
}

async function sizesOf(dir: string): Promise<Record<string, number>> {
  const sizes: Record<string, number> = {};
  for (const name of (await readdir(join(dir, 'events.raftlog'))).sort()) {
    sizes[name] = (await stat(segment(dir, name))).size;
  }
  return sizes;
}
