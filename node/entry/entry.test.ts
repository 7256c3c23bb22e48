import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  APPLY_VERSION,
  ByteReader,
  ByteWriter,
  type Change,
  decodeEntry,
  type Entry,
  EntryError,
  encodeEntry,
  isActivation,
  MAX_CHANGES,
  packEntry,
  unpackEntry,
} from './index.ts';

const text = fc.oneof(
  fc.string({ maxLength: 60 }),
  fc.string({ unit: 'grapheme', maxLength: 60 }),
  fc.string({ unit: 'binary-ascii', minLength: 50, maxLength: 400 }),
);
const count = fc.oneof(fc.nat(300), fc.maxSafeNat());

const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({
    effect: fc.constantFrom('created' as const, 'updated' as const),
    model: fc.constantFrom('Product', 'Brand'),
    id: text,
    expectedVersion: count,
    json: text,
    keys: fc.array(text, { maxLength: 5 }),
  }),
  fc.record({
    effect: fc.constantFrom('created' as const, 'updated' as const),
    model: fc.constantFrom('Product', 'Brand'),
    id: text,
    expectedVersion: count,
    json: text,
    keys: fc.array(text, { maxLength: 2 }),
    events: fc.array(text, { minLength: 1, maxLength: 3 }),
  }),
  fc.record({
    effect: fc.constant('deleted' as const),
    model: fc.constantFrom('Product', 'Brand'),
    id: text,
    expectedVersion: count,
    events: fc.array(text, { minLength: 1, maxLength: 3 }),
  }),
  fc.record({
    effect: fc.constantFrom('deleted' as const, 'unchanged' as const),
    model: fc.constantFrom('Product', 'Brand'),
    id: text,
    expectedVersion: count,
  }),
);

const entry: fc.Arbitrary<Entry> = fc.oneof(
  fc.record({
    kind: fc.constant('write' as const),
    memberId: count,
    timestampMs: count,
    schemaVersion: count,
    actor: fc.record({
      subject: text,
      method: fc.constantFrom('none' as const, 'apiKey' as const, 'jwt' as const),
    }),
    idempotency: fc.option(fc.record({ scope: text, fingerprint: text })),
    changes: fc.array(change, { maxLength: 6 }),
  }),
  fc.record({
    kind: fc.constant('activate' as const),
    memberId: count,
    timestampMs: count,
    schemaVersion: count,
  }),
  fc.record({
    kind: fc.constant('schema' as const),
    memberId: count,
    timestampMs: count,
    expectedSchemaVersion: count,
    schemaJson: text,
  }),
  fc.record({
    kind: fc.constant('member' as const),
    member: fc.record(
      {
        id: count,
        name: text,
        address: text,
        diskUuid: text,
        intent: fc.constantFrom('voter' as const, 'learner' as const),
        region: text,
      },
      { requiredKeys: ['id', 'name', 'address', 'diskUuid', 'intent'] },
    ),
  }),
  fc.record({ kind: fc.constant('memberRemoval' as const), memberId: count }),
  fc.record({
    kind: fc.constant('applyVersion' as const),
    to: fc.integer({ min: 1, max: APPLY_VERSION }),
  }),
  fc.record({
    kind: fc.constant('compact' as const),
    memberId: count,
    timestampMs: count,
    generation: count,
    digests: fc.array(fc.record({ generation: count, digest: text }), { maxLength: 3 }),
  }),
  fc.record({
    kind: fc.constant('cold' as const),
    memberId: count,
    timestampMs: count,
    model: text,
    removed: fc.array(text, { maxLength: 3 }),
    added: fc.array(
      fc.record({
        name: text,
        upToMs: count,
        oldestMs: count,
        records: count,
        bytes: count,
        sha256: text,
        digest: text,
      }),
      { maxLength: 3 },
    ),
  }),
);

/** The same with ordinary prototypes, which fast-check's records do not have. */
const plain = (given: Entry): Entry => structuredClone(given);

const sample: Entry = {
  kind: 'write',
  memberId: 1,
  timestampMs: 1_700_000_000_000,
  schemaVersion: 1,
  actor: { subject: 'anonymous', method: 'none' },
  idempotency: null,
  changes: [{ effect: 'deleted', model: 'Product', id: 'a', expectedVersion: 3 }],
};

const malformed = (data: Uint8Array) =>
  assert.throws(
    () => decodeEntry(data),
    (error) => error instanceof EntryError && error.code === 'malformed_entry',
  );

describe('an entry', () => {
  it('comes back from its bytes as it was', () => {
    fc.assert(
      fc.property(entry.map(plain), (given) => {
        assert.deepEqual(decodeEntry(encodeEntry(given)), given);
      }),
      { numRuns: 1000 },
    );
  });

  it('comes back from a plain view into a larger buffer', () => {
    const data = encodeEntry(sample);
    const larger = new Uint8Array(data.length + 7);
    larger.set(data, 3);
    assert.deepEqual(decodeEntry(larger.subarray(3, 3 + data.length)), sample);
  });

  it('is refused when it is cut short anywhere or longer than it says', () => {
    const data = encodeEntry({ ...sample, idempotency: { scope: 's', fingerprint: 'f' } });
    for (let end = 0; end < data.length; end++) malformed(data.subarray(0, end));
    malformed(Buffer.concat([data, Buffer.from([0])]));
  });

  it('is refused or read, and never anything else, when bytes are changed', () => {
    fc.assert(
      fc.property(entry, fc.nat(), fc.integer({ min: 1, max: 255 }), (given, at, flip) => {
        const data = Buffer.from(encodeEntry(given));
        const place = at % data.length;
        data[place] = (data[place] ?? 0) ^ flip;
        try {
          decodeEntry(data);
        } catch (error) {
          assert.ok(error instanceof EntryError);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('tells an activation by its head', () => {
    fc.assert(
      fc.property(entry, (each) => {
        assert.equal(isActivation(encodeEntry(each)), each.kind === 'activate');
      }),
    );
    assert.equal(isActivation(new Uint8Array(0)), false);
  });

  it('that changes a model keeps its meaning from before changes were prepared', () => {
    const before: Entry = {
      kind: 'schema',
      memberId: 1,
      timestampMs: 2,
      expectedSchemaVersion: 3,
      schemaJson: '{}',
      atOnce: true,
    };
    const data = encodeEntry(before);
    assert.equal(data[0], 1);
    assert.deepEqual(decodeEntry(data), before);
  });

  it('of a later apply version is refused by name', () => {
    const data = Buffer.from(encodeEntry(sample));
    data[0] = APPLY_VERSION + 1;
    assert.throws(() => decodeEntry(data), { code: 'unsupported_entry' });
  });

  it('holds a bounded number of changes', () => {
    const changes = Array.from({ length: MAX_CHANGES + 1 }, (_, at): Change => {
      return { effect: 'deleted', model: 'Product', id: String(at), expectedVersion: 1 };
    });
    const tooMany = { ...sample, changes };
    assert.throws(() => encodeEntry(tooMany), { code: 'entry_too_large' });
    assert.deepEqual(decodeEntry(encodeEntry(sample)), sample);
  });
});

/** Values of rows in the forms that they have after validation, and others. */
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(null, true, false),
    fc.oneof(fc.integer(), fc.maxSafeInteger(), fc.double({ noNaN: true })),
    fc.constantFrom('12345678901234567890.12', '-0', '1e3', '9007199254740993'),
    fc.oneof(text, fc.uuid(), fc.string({ unit: 'binary', maxLength: 20 })),
    fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
    fc.constantFrom('2026-02-30T10:00:00.000Z', '2026-01-01T24:00:00.000Z', 'ab'.repeat(32)),
    fc.array(tie('any'), { maxLength: 4 }),
    fc.dictionary(fc.oneof(text, fc.constantFrom('10', '9', '__proto__')), tie('any'), {
      maxKeys: 5,
    }),
  ),
})).any;

/** JSON of all sorts: canonical, in other notations, and no JSON at all. */
const rowJson = fc.oneof(
  { weight: 4, arbitrary: value.map((row) => JSON.stringify(row)) },
  fc.constantFrom('{"a":1.0}', '{"a":-0}', '{"b":1,"1":2}', '{"a":1,"a":2}', '[1, 2]', '{', ''),
  fc.nat(100).map((depth) => `${'['.repeat(depth)}${']'.repeat(depth)}`),
  text,
);

const withRows = fc.tuple(entry, fc.array(rowJson, { minLength: 6, maxLength: 6 })).map(
  ([given, rows]): Entry =>
    given.kind !== 'write'
      ? given
      : {
          ...given,
          changes: given.changes.map((change, at) =>
            'json' in change ? { ...change, json: rows[at] ?? '' } : change,
          ),
        },
);

describe('a packed entry', () => {
  it('gives back the very bytes that were packed, whatever its rows hold', () => {
    fc.assert(
      fc.property(withRows, (given) => {
        const data = encodeEntry(given);
        const packed = packEntry(data);
        assert.ok(packed !== null);
        assert.equal(Buffer.compare(unpackEntry(Buffer.from(packed)), data), 0);
      }),
      { numRuns: 3000 },
    );
  });

  it('is shorter: ids, times and hashes in bytes, names and repeated texts once', () => {
    const id = '01890a5d-ac96-774b-bcce-b302099a8057';
    const row = { id, sku: 'AB-1', stock: 12, at: '2026-01-02T03:04:05.678Z', sold: false };
    const changes = [1, 2, 3].map((version): Change => {
      const json = JSON.stringify({ ...row, stock: version });
      const keys = [id, 'AB-1'];
      return { effect: 'updated', model: 'Product', id, expectedVersion: version, json, keys };
    });
    const one = encodeEntry({ ...sample, changes: changes.slice(0, 1) });
    const all = encodeEntry({ ...sample, changes });
    assert.ok((packEntry(one)?.length ?? Infinity) < one.length * 0.6);
    assert.ok((packEntry(all)?.length ?? Infinity) < all.length * 0.4);
  });

  it('is not made of bytes that would not come back: of no entry, or of a later version', () => {
    assert.equal(packEntry(Buffer.from('anything')), null);
    assert.equal(packEntry(new Uint8Array(0)), null);
    const asked = Buffer.from(encodeEntry(sample));
    asked[0] = 2;
    assert.deepEqual(decodeEntry(asked), sample);
    assert.equal(packEntry(asked), null);
    asked[0] = 99;
    assert.equal(packEntry(asked), null);
  });

  it('is refused or read, and never anything else, when bytes are changed or cut', () => {
    fc.assert(
      fc.property(withRows, fc.nat(), fc.nat(255), (given, at, flip) => {
        const data = Buffer.from(packEntry(encodeEntry(given)) ?? []);
        const place = at % data.length;
        data[place] = (data[place] ?? 0) ^ flip;
        try {
          unpackEntry(flip === 0 ? data.subarray(0, place) : data);
        } catch (error) {
          assert.ok(error instanceof EntryError, String(error));
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('numbers and texts in bytes', () => {
  it('hold every safe integer', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        const writer = new ByteWriter();
        writer.varint(value);
        const reader = new ByteReader(writer.take());
        assert.equal(reader.varint(), value);
        reader.end();
      }),
    );
  });
  it('refuse a number beyond 2^53', () => {
    const bytes = new Uint8Array(8).fill(0xff);
    assert.throws(() => new ByteReader(bytes).varint(), EntryError);
    bytes[7] = 0x10;
    assert.throws(() => new ByteReader(bytes).varint(), EntryError);
    bytes[7] = 0x0f;
    assert.equal(new ByteReader(bytes).varint(), Number.MAX_SAFE_INTEGER);
  });
  it('grow with a text of megabytes and shrink again', () => {
    const writer = new ByteWriter();
    for (const unit of ['a', 'é', '😀']) {
      const long = unit.repeat(1_000_000);
      writer.text(long);
      assert.equal(new ByteReader(writer.take()).text(), long);
    }
  });
});
