import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { joinRows } from './joined-rows.ts';
import { KeyedHash } from './keyed-hash.ts';
import { SlabStore } from './slab-store.ts';

const hasher = new KeyedHash(new Uint8Array(8));

/** Rows with one text each, as a list finds them. */
function listed(texts: readonly string[]) {
  const store = new SlabStore(['ordered'], hasher);
  for (const [n, text] of texts.entries()) {
    const id = `id-${String(n).padStart(6, '0')}`;
    store.put({ id, version: 1, json: JSON.stringify({ id, text }), keys: [text], ...MARK });
  }
  return [...store.scan({ descending: false })];
}

const MARK = { timestampMs: 5, sequence: 1 };

function assertJoined(texts: readonly string[]): void {
  const rows = listed(texts);
  assert.equal(rows.length, texts.length);
  const { json, isAscii } = joinRows(rows);
  assert.equal(json, rows.map((row) => row.json).join(','));
  if (isAscii) assert.equal(Buffer.byteLength(json), json.length);
}

describe('rows joined', () => {
  it('are their JSON with commas between, whatever is in it', () => {
    const text = fc.oneof(
      fc.constantFrom('', 'é', '\u{1f600}', '\ufffd', '\\"'),
      fc.string({ maxLength: 40 }),
      fc.string({ unit: 'binary', maxLength: 40 }).map((each) => each.toWellFormed()),
    );
    fc.assert(fc.property(fc.array(text, { maxLength: 30 }), assertJoined));
  });

  it('are so beyond one piece of memory, with rows of any size', () => {
    for (const size of [0, 1, 500, 40_000, 65_400, 65_500, 65_600, 200_000]) {
      assertJoined(Array.from({ length: 9 }, (_, n) => `${n}`.repeat(size)));
      assertJoined(['é'.repeat(size), 'a', 'é'.repeat(size), '', 'b'.repeat(size)]);
    }
    assertJoined(Array.from({ length: 2000 }, (_, n) => `row ${n} ${n % 50 === 0 ? 'é' : 'e'}`));
  });

  it('are known to be ASCII where each of them is', () => {
    assert.equal(joinRows(listed(['a', 'b'])).isAscii, true);
    assert.equal(joinRows(listed(['a', 'é'])).isAscii, false);
    assert.deepEqual(joinRows([]), { json: '', isAscii: true });
  });
});
