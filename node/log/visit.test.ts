import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatKeyring, MasterKeys, newKey, parseKeyring } from '../encryption/index.ts';
import { entries, names, openMember, saved, seeded } from './fixture.ts';
import { type Log, type LogOptions, MemoryFileSystem } from './index.ts';
import { SEGMENT_HEADER_BYTES } from './segment-header.ts';

const DIR = '/data';
const FIRST = `${DIR}/events.raftlog/0000000000000001.seg`;
const SMALL = { segmentBytes: 16 * 1024, cacheBytes: 0 };
/** In several segments, and with a length that is no multiple of 8. */
const COUNT = 60;
const BYTES = 601;
const CHANGED = 5;

/** A log of several segments, as it is behind a restart. */
async function restarted(more: LogOptions = {}) {
  const disk = new MemoryFileSystem();
  const before = await openMember(disk, DIR, { ...SMALL, ...more });
  for (let at = 1; at < COUNT; at += 3) {
    await saved(before.log, { entries: entries(at, at + 2, 1, BYTES) });
  }
  await before.directory.close();
  const { log, directory } = await openMember(disk, DIR, { ...SMALL, ...more });
  return { disk, log, directory };
}

/** Entries as a replay reads them, `step` in a call. */
function visited(log: Log, step: number): string[] {
  const found: string[] = [];
  for (let lo = 1; lo <= COUNT; lo += step) {
    log.visit(lo, Math.min(COUNT, lo + step - 1) + 1, (index, term, bytes, start, end) => {
      assert.equal(end - start, BYTES);
      const text = bytes.toString('latin1', start, end);
      assert.equal(text, Buffer.from(entries(index, index, term, BYTES)[0]?.data ?? []).toString());
      found.push(text.split('/').slice(0, 2).join('/'));
    });
  }
  return found;
}

/** Offsets of the record of an entry that stands in the first segment, and of what is behind it. */
function placeOf(bytes: Uint8Array, entry: number): readonly [number, number] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = SEGMENT_HEADER_BYTES; view.getUint8(at + 20) !== 0; ) {
    const end = at + Math.ceil((48 + view.getUint32(at + 4, true)) / 8) * 8;
    if (view.getUint8(at + 20) === 1 && view.getUint32(at + 32, true) === entry) return [at, end];
    at = end;
  }
  throw new Error(`no entry ${entry}`);
}

describe('a replay of the log', () => {
  test('reads each entry once, in order, whatever is asked for at a time', async () => {
    const { log, directory } = await restarted();
    for (const step of [1, 4, 7, COUNT]) assert.deepEqual(visited(log, step), names(1, COUNT, 1));
    // Also backwards, and behind a reading of whole entries.
    const backwards: number[] = [];
    for (let index = COUNT; index > 0; index--) {
      log.visit(index, index + 1, (found) => backwards.push(found));
      if (index % 9 === 0) assert.equal(log.entries(index, index + 1, 1)[0]?.index, index);
    }
    assert.deepEqual(
      backwards,
      names(1, COUNT, 1)
        .map((_, at) => at + 1)
        .toReversed(),
    );
    await directory.close();
  });

  test('notices every byte that changed since it was recovered, and names the entry', async () => {
    const { disk, log, directory } = await restarted();
    const bytes = disk.contentOf(FIRST);
    const [start, end] = placeOf(bytes, CHANGED);
    assert.equal(end - start, 48 + BYTES + 7);
    for (let at = start; at < end; at++) {
      bytes[at] = (bytes[at] ?? 0) ^ 0x10;
      if (at < start + 48 + BYTES) {
        assert.throws(() => visited(log, COUNT), {
          code: 'LOG_CORRUPT',
          message: new RegExp(`entry ${CHANGED} does not match its checksum any more`),
        });
      } else {
        // Between two records there is nothing that could be wrong.
        assert.deepEqual(visited(log, COUNT), names(1, COUNT, 1));
      }
      bytes[at] = (bytes[at] ?? 0) ^ 0x10;
      assert.deepEqual(visited(log, 7), names(1, COUNT, 1));
    }
    await directory.close();
  });

  test('reads what is written behind what was recovered, too', async () => {
    const { log, directory } = await restarted();
    assert.deepEqual(visited(log, COUNT), names(1, COUNT, 1));
    await saved(log, { entries: entries(COUNT - 2, COUNT, 2, BYTES) });
    const expected = [...names(1, COUNT - 3, 1), ...names(COUNT - 2, COUNT, 2)];
    assert.deepEqual(visited(log, COUNT), expected);
    await directory.close();
  });

  test('of an encrypted one decrypts each entry', async () => {
    const record = newKey([], new Uint8Array(32).fill(7), '2026-01-01');
    const ring = parseKeyring(formatKeyring([record]), 'keys.json');
    const keys = new MasterKeys(ring).of('d1', seeded(3));
    const { log, directory } = await restarted({ keys });
    assert.ok(log.isEncrypted);
    for (const step of [4, COUNT]) assert.deepEqual(visited(log, step), names(1, COUNT, 1));
    await directory.close();
  });
});
