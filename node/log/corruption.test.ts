import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Random } from '../ports/index.ts';
import {
  clock,
  confState,
  contents,
  entries,
  entry,
  logger,
  names,
  openMember,
  saved,
  seeded,
} from './fixture.ts';
import { LogError, MemoryFileSystem, openDataDirectory, verifyLog } from './index.ts';

const DIR = '/data';
const LOG = `${DIR}/events.raftlog`;
const FIRST = `${LOG}/0000000000000001.seg`;
const SMALL = { segmentBytes: 16 * 1024 };

/** A member's disk as its process left it when it was killed: three batches of three entries. */
async function killedMember(): Promise<MemoryFileSystem> {
  const disk = new MemoryFileSystem();
  const { log } = await openMember(disk, DIR, SMALL);
  for (const at of [1, 4, 7]) await saved(log, { entries: entries(at, at + 2, 1) });
  return disk.crash('process', () => 0);
}

async function longMember(): Promise<MemoryFileSystem> {
  const disk = new MemoryFileSystem();
  const { directory, log } = await openMember(disk, DIR, SMALL);
  for (let at = 1; at <= 90; at += 3) await saved(log, { entries: entries(at, at + 2, 1, 600) });
  await directory.close();
  return disk.crash('process', () => 0);
}

const copy = (disk: MemoryFileSystem) => disk.crash('process', () => 0);

/** What opening gives: the entries, or the code of the refusal. */
async function reopened(disk: MemoryFileSystem): Promise<string[] | string> {
  try {
    const { directory, log } = await openMember(disk, DIR, SMALL);
    const found = contents(log);
    await directory.close();
    return found;
  } catch (error) {
    if (error instanceof LogError) return error.code;
    throw error;
  }
}

/** End of the last record that is not zero. */
function endOf(bytes: Uint8Array): number {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end -= 1;
  return end;
}

describe('changed bytes', () => {
  test('a flipped bit anywhere is refused, harmless, or confined to the last batch', async () => {
    const disk = await killedMember();
    const end = endOf(disk.contentOf(FIRST));
    const seen = { refused: 0, whole: 0, cut: 0 };
    for (let at = 0; at < end; at++) {
      if (at >= 512 && at < 4096) continue; // The unused rest of the header block.
      const damaged = copy(disk);
      const bytes = damaged.contentOf(FIRST);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << (at & 7));
      const found = await reopened(damaged);
      if (typeof found === 'string') seen.refused += 1;
      else if (found.length === 9) seen.whole += 1;
      else {
        seen.cut += 1;
        assert.ok(found.length >= 6, `a bit at ${at} lost ${9 - found.length} entries`);
        assert.deepEqual(found, names(1, found.length, 1));
      }
    }
    // Padding, and nothing else, carries no checksum: up to 7 bytes of 88.
    assert.ok(seen.refused > 1000 && seen.cut > 200, JSON.stringify(seen));
    assert.ok(seen.whole < (seen.refused + seen.cut) / 10, JSON.stringify(seen));
  });

  test('in a log that was closed, no flipped bit loses an entry', async () => {
    const disk = new MemoryFileSystem();
    const { directory, log } = await openMember(disk, DIR, SMALL);
    await saved(log, { entries: entries(1, 3, 1) });
    await directory.close();
    const end = endOf(disk.contentOf(FIRST));
    let refused = 0;
    for (let at = 4096; at < end; at++) {
      const damaged = copy(disk);
      const bytes = damaged.contentOf(FIRST);
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      const found = await reopened(damaged);
      if (found === 'LOG_CORRUPT') refused += 1;
      else assert.deepEqual(found, names(1, 3, 1));
    }
    assert.ok(refused > 300, String(refused));
  });

  test('the message names the file, the offset and the record', async () => {
    const disk = await killedMember();
    const bytes = disk.contentOf(FIRST);
    const at = new TextDecoder('latin1').decode(bytes).indexOf('2/1/');
    bytes[at] = 0;
    await assert.rejects(openMember(copy(disk), DIR, SMALL), (error: unknown) => {
      assert.ok(error instanceof LogError);
      assert.match(error.message, /^0000000000000001\.seg is corrupt at offset \d+, record \d+: /);
      assert.match(error.message, /payload does not match .* later batch stands at offset \d+$/);
      return true;
    });
    const report = await verifyLog({ dir: DIR, fs: disk });
    assert.equal(report.problem?.file, '0000000000000001.seg');
    assert.equal(report.problem?.offset, at - 48);
  });

  test('a torn last batch is cut, counted, and does not come back', async () => {
    const disk = await killedMember();
    const bytes = disk.contentOf(FIRST);
    const at = new TextDecoder('latin1').decode(bytes).indexOf('8/1/');
    bytes[at] = 0;
    const { directory, log } = await openMember(
      disk.crash('process', () => 0),
      DIR,
      SMALL,
    );
    assert.deepEqual(contents(log), names(1, 7, 1));
    assert.equal(log.recovery.truncatedBytes, 2 * 88);
    // The same entry in the same place: what stood behind it must stay gone.
    await saved(log, { entries: [entry(8, 1)] });
    assert.deepEqual(contents(log), names(1, 8, 1));
    await directory.close();
  });
});

const sectorAt = (bytes: Uint8Array, random: Random) =>
  512 * Math.floor((random.fraction() * bytes.length) / 512);

describe('sectors that the disk mistakes', () => {
  type Mistake = (bytes: Uint8Array, random: Random) => void;
  const mistakes: Record<string, Mistake> = {
    'zeros in its place': (bytes, random) => {
      const at = sectorAt(bytes, random);
      bytes.fill(0, at, at + 512);
    },
    'another sector of the file in its place': (bytes, random) => {
      const [at, from] = [sectorAt(bytes, random), sectorAt(bytes, random)];
      bytes.copyWithin(at, from, from + 512);
    },
    'noise in its place': (bytes, random) => {
      const at = sectorAt(bytes, random);
      random.fill(bytes.subarray(at, at + 512));
    },
    'its second half from elsewhere': (bytes, random) => {
      const [at, from] = [sectorAt(bytes, random), sectorAt(bytes, random)];
      bytes.copyWithin(at + 256, from + 256, from + 512);
    },
    'two sectors in each other’s place': (bytes, random) => {
      const [a, b] = [sectorAt(bytes, random), sectorAt(bytes, random)];
      const first = bytes.slice(a, a + 512);
      bytes.copyWithin(a, b, b + 512);
      bytes.set(first, b);
    },
  };

  for (const [what, mistake] of Object.entries(mistakes)) {
    test(`${what}: refused by name, or nothing is lost`, async () => {
      const disk = await longMember();
      const segments = (await disk.list(LOG)).filter((name) => /^[0-9a-f]{16}\.seg$/.test(name));
      const random = seeded(17);
      let refused = 0;
      for (let trial = 0; trial < 150; trial++) {
        const damaged = copy(disk);
        const name = segments[Math.floor(random.fraction() * segments.length)] ?? '';
        mistake(damaged.contentOf(`${LOG}/${name}`), random);
        const found = await openMember(copy(damaged), DIR, SMALL).catch((error: unknown) => error);
        if (found instanceof LogError) {
          refused += 1;
          assert.ok(found.message.startsWith(name), `${found.message} of ${name}`);
          continue;
        }
        if (found instanceof Error) throw found;
        assert.deepEqual(
          await reopened(copy(damaged)),
          names(1, 90, 1),
          `trial ${trial} in ${name}`,
        );
      }
      assert.ok(refused > 50, String(refused));
    });
  }
});

describe('missing and swapped files', () => {
  const third = `${LOG}/0000000000000003.seg`;
  const second = `${LOG}/0000000000000002.seg`;

  for (const [what, position] of [
    ['first', 0],
    ['second', 1],
    ['last', -1],
  ] as const) {
    test(`a missing ${what} segment is named`, async () => {
      const disk = await longMember();
      const names = (await disk.list(LOG)).filter((name) => /^[0-9a-f]{16}\.seg$/.test(name));
      const name = names.at(position) ?? '';
      await disk.remove(`${LOG}/${name}`);
      await assert.rejects(openMember(copy(disk), DIR, SMALL), (error: unknown) => {
        assert.ok(error instanceof LogError && error.code === 'LOG_CORRUPT', String(error));
        return error.message.includes(name) && /missing/.test(error.message);
      });
    });
  }

  test('swapped segments are named', async () => {
    const disk = await longMember();
    await disk.rename(second, `${LOG}/x`);
    await disk.rename(third, second);
    await disk.rename(`${LOG}/x`, third);
    await assert.rejects(openMember(copy(disk), DIR, SMALL), /0000000000000002\.seg.*segment 3/);
  });

  test('a segment of another member, and one that is no segment, are refused by name', async () => {
    const disk = await longMember();
    const other = disk.crash('process', () => 0);
    other.contentOf(third).fill(0, 0, 8);
    assert.equal(await reopened(other), 'NOT_A_LOG');
    const newer = new MemoryFileSystem();
    const { directory, log } = await openMember(newer, DIR, SMALL);
    await log.bootstrap({ index: 1, term: 1, confState: confState(1) }, []);
    await directory.close();
    const stranger = { clusterId: 'other', memberId: 1, name: 'n', diskUuid: 'd' };
    const moved = newer.crash('process', () => 0);
    await moved.remove(`${DIR}/node.json`);
    const options = { dir: DIR, fs: moved, clock, logger, random: seeded(1) };
    const opened = await openDataDirectory(options);
    await opened.writeIdentity(stranger);
    await assert.rejects(opened.openLog(SMALL), { code: 'CLUSTER_MISMATCH' });
    await opened.close();
  });

  test('a damaged node.json is refused', async () => {
    const disk = await longMember();
    const bytes = disk.contentOf(`${DIR}/node.json`);
    bytes[30] = (bytes[30] ?? 0) ^ 1;
    assert.equal(await reopened(copy(disk)), 'LOG_CORRUPT');
  });
});
