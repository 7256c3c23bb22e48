import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeConfState, encodeConfState } from './payloads.ts';
import {
  emptyHeader,
  RECORD_HEADER_BYTES,
  readHeader,
  recordBytes,
  whyUnsupported,
  writeHeader,
} from './record.ts';

const uint32 = fc.integer({ min: 0, max: 0xffffffff });
const safe = fc.maxSafeNat();
const headerFields = {
  payloadBytes: uint32,
  payloadChecksum: uint32,
  previous: uint32,
  batchOffset: uint32,
  type: fc.nat(255),
  codec: fc.nat(255),
  group: uint32,
  key: uint32,
  index: safe,
  term: safe,
};
const headers = fc.record(headerFields, { noNullPrototype: true });

function written(fields: object, salt: number, at = 0) {
  const bytes = new Uint8Array(at + RECORD_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  const header = { ...emptyHeader(), ...fields };
  writeHeader(view, at, header, salt);
  return { bytes, view, header };
}

test('a header is read as it was written, wherever it stands', () => {
  fc.assert(
    fc.property(headers, uint32, fc.nat(20), (fields, salt, at) => {
      const { view, header } = written(fields, salt, at);
      const read = emptyHeader();
      assert.ok(readHeader(view, at, read, salt));
      assert.deepEqual(read, header);
    }),
  );
});

test('a header with any one bit changed is not read', () => {
  fc.assert(
    fc.property(headers, uint32, fc.nat(RECORD_HEADER_BYTES * 8 - 1), (fields, salt, bit) => {
      const { bytes, view } = written(fields, salt);
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.equal(readHeader(view, 0, emptyHeader(), salt), false);
    }),
  );
});

test('a header of another segment is not read', () => {
  fc.assert(
    fc.property(headers, uint32, uint32, (fields, salt, other) => {
      fc.pre(salt !== other);
      const { view } = written(fields, salt);
      assert.equal(readHeader(view, 0, emptyHeader(), other), false);
    }),
  );
});

test('records take a multiple of 8 bytes, and no more padding than that needs', () => {
  fc.assert(
    fc.property(fc.nat(1_000_000), (payload) => {
      const padding = recordBytes(payload) - payload - RECORD_HEADER_BYTES;
      assert.ok(recordBytes(payload) % 8 === 0 && padding >= 0 && padding < 8);
    }),
  );
});

test('what this version does not know is named', () => {
  const entry = { ...emptyHeader(), type: 1, codec: 1 };
  assert.equal(whyUnsupported(entry), null);
  assert.equal(whyUnsupported({ ...entry, type: 99 }), 'record type 99 is unknown');
  assert.equal(whyUnsupported({ ...entry, codec: 2 }), null);
  assert.equal(whyUnsupported({ ...entry, codec: 3 }), 'codec 3 is unknown');
  assert.equal(whyUnsupported({ ...entry, type: 2, codec: 2 }), 'codec 2 is unknown');
  assert.equal(whyUnsupported({ ...entry, group: 2 }), 'raft group 2 is unknown');
  assert.equal(whyUnsupported({ ...entry, key: 3 }), null);
  const vote = { ...emptyHeader(), type: 16, key: 3 };
  assert.equal(whyUnsupported(vote), 'encryption key 3 is unknown');
});

test('a membership is read as it was written, and shortened bytes are none', () => {
  const ids = fc.array(safe, { maxLength: 7 });
  const fields = {
    voters: ids,
    learners: ids,
    votersOutgoing: ids,
    learnersNext: ids,
    autoLeave: fc.boolean(),
  };
  const confStates = fc.record(fields, { noNullPrototype: true });
  fc.assert(
    fc.property(confStates, (confState) => {
      const bytes = encodeConfState(confState);
      assert.deepEqual(decodeConfState(bytes), confState);
      assert.equal(decodeConfState(bytes.subarray(0, bytes.length - 1)), null);
    }),
  );
});
