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
  MAX_CHANGES,
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
    kind: fc.constant('compact' as const),
    memberId: count,
    timestampMs: count,
    generation: count,
    digests: fc.array(fc.record({ generation: count, digest: text }), { maxLength: 3 }),
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
