import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isLocalMessage } from '../messages.ts';
import { makeEntry, makeMessage } from '../testing/cluster.ts';
import type { ConfState, Message } from '../types.ts';
import {
  ConfChangeTransition,
  ConfChangeType,
  EntryType,
  LOCAL_APPEND_THREAD,
  MessageType,
  NO_BYTES,
} from '../types.ts';
import {
  CodecError,
  decodeConfChange,
  decodeConfChangeV2,
  decodeConfState,
  decodeEntry,
  decodeHardState,
  decodeMessage,
  encodeConfChange,
  encodeConfChangeV2,
  encodeConfState,
  encodeEntry,
  encodeHardState,
  encodeMessage,
} from './index.ts';

const number = fc.oneof(
  fc.integer({ min: 0, max: 300 }),
  fc.maxSafeNat(),
  fc.constantFrom(0x7f, 0x80, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER),
);
const id = number.map((value) => Math.max(1, value));
const data = fc.uint8Array({ maxLength: 300 });
const entry = fc.record({
  term: number,
  index: number,
  type: fc.constantFrom(...Object.values(EntryType)),
  data,
});
const ids = fc.array(id, { maxLength: 5 });
const confState: fc.Arbitrary<ConfState> = fc.record({
  voters: ids,
  learners: ids,
  votersOutgoing: ids,
  learnersNext: ids,
  autoLeave: fc.boolean(),
});
const snapshot = fc.record({
  data,
  metadata: fc.record({ confState, index: number, term: number }),
});
const message: fc.Arbitrary<Message> = fc.record({
  type: fc.constantFrom(...Object.values(MessageType).filter((type) => !isLocalMessage(type))),
  to: number,
  from: number,
  term: number,
  logTerm: number,
  index: number,
  entries: fc.array(entry, { maxLength: 4 }),
  commit: number,
  vote: number,
  snapshot: fc.option(snapshot),
  reject: fc.boolean(),
  rejectHint: number,
  context: data,
  responses: fc.constant([]),
});
const changeType = fc.constantFrom(...Object.values(ConfChangeType));
const change = fc.record({ id: number, type: changeType, nodeId: number, context: data });
const changeV2 = fc.record({
  transition: fc.constantFrom(...Object.values(ConfChangeTransition)),
  changes: fc.array(fc.record({ type: changeType, nodeId: number }), { maxLength: 4 }),
  context: data,
});
const hardState = fc.record({ term: number, vote: number, commit: number });

function code(expected: string) {
  return (error: unknown) => error instanceof CodecError && error.code === expected;
}

/** Records of fast-check have no prototype, which deepEqual would notice. */
function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, inner) => (inner instanceof Uint8Array ? [...inner] : inner)),
  );
}

function roundTrips<T>(
  name: string,
  arbitrary: fc.Arbitrary<T>,
  encode: (value: T) => Uint8Array,
  decode: (bytes: Uint8Array) => T,
): void {
  it(`returns every ${name} as it was`, () => {
    fc.assert(
      fc.property(arbitrary, (value) => {
        assert.deepEqual(plain(decode(encode(value))), plain(value));
      }),
    );
  });
}

describe('the codec', () => {
  roundTrips('message', message, encodeMessage, decodeMessage);
  roundTrips('entry', entry, encodeEntry, decodeEntry);
  roundTrips('hard state', hardState, encodeHardState, decodeHardState);
  roundTrips('ConfState', confState, encodeConfState, decodeConfState);
  roundTrips('ConfChange', change, encodeConfChange, decodeConfChange);
  roundTrips('ConfChangeV2', changeV2, encodeConfChangeV2, decodeConfChangeV2);

  it('refuses a message that is cut off anywhere, or followed by anything', () => {
    fc.assert(
      fc.property(message, (value) => {
        const frame = encodeMessage(value);
        for (let length = 0; length < frame.length; length++) {
          assert.throws(() => decodeMessage(frame.subarray(0, length)), CodecError);
        }
        assert.throws(() => decodeMessage(new Uint8Array([...frame, 0])), code('TRAILING_BYTES'));
      }),
      { numRuns: 20 },
    );
  });

  it('answers arbitrary bytes with a value or a CodecError, and nothing else', () => {
    const decoders = [
      decodeMessage,
      decodeEntry,
      decodeHardState,
      decodeConfState,
      decodeConfChange,
      decodeConfChangeV2,
    ];
    const frame = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.uint8Array({ maxLength: 40 }).map((rest) => new Uint8Array([1, 3, ...rest])),
    );
    fc.assert(
      fc.property(frame, (bytes) => {
        for (const decode of decoders) {
          try {
            decode(bytes);
          } catch (error) {
            assert.ok(error instanceof CodecError, String(error));
          }
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('does not allocate for entries that are only announced', () => {
    const frame = new Uint8Array([1, MessageType.App, 0, 4, 0xff, 0xff, 0xff, 0x7f]);
    assert.throws(() => decodeMessage(frame), code('TRUNCATED'));
  });

  it('hands out the bytes of an entry without copying them', () => {
    const frame = encodeMessage(
      makeMessage({ type: MessageType.App, entries: [makeEntry(1, 1, 'abc')] }),
    );
    const decoded = decodeMessage(frame);
    assert.equal(decoded.entries[0]?.data.buffer, frame.buffer);
  });

  it('keeps what must not travel from travelling', () => {
    const local = makeMessage({ type: MessageType.StorageAppend, to: LOCAL_APPEND_THREAD });
    assert.throws(() => encodeMessage(local), code('LOCAL_MESSAGE'));
    const hup = new Uint8Array([1, MessageType.Hup, 0, 0]);
    assert.throws(() => decodeMessage(hup), code('LOCAL_MESSAGE'));
  });

  it('refuses numbers that no term, index or id can be', () => {
    for (const term of [-1, 0.5, 2 ** 53, Number.NaN]) {
      assert.throws(
        () => encodeMessage(makeMessage({ type: MessageType.App, term })),
        code('BAD_VALUE'),
      );
      assert.throws(() => encodeHardState({ term, vote: 0, commit: 0 }), code('BAD_VALUE'));
    }
    const huge = new Uint8Array([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0, 0]);
    assert.throws(() => decodeHardState(huge), code('NUMBER_TOO_LARGE'));
    const endless = new Uint8Array(20).fill(0x80);
    assert.throws(() => decodeHardState(endless), code('BAD_VALUE'));
  });

  it('refuses formats, types and flags that it does not know', () => {
    assert.throws(() => decodeMessage(new Uint8Array([2, 3, 0, 0])), code('UNKNOWN_FORMAT'));
    assert.throws(() => decodeMessage(new Uint8Array([1, 3, 0, 0x80])), code('UNKNOWN_FORMAT'));
    assert.throws(() => decodeMessage(new Uint8Array([1, 99, 0, 0])), code('BAD_VALUE'));
    assert.throws(() => decodeEntry(new Uint8Array([3, 1, 1, 0])), code('BAD_VALUE'));
    assert.throws(() => decodeConfState(new Uint8Array([1, 0, 0, 0, 0, 0])), code('BAD_VALUE'));
  });
});

describe('an encoded membership change', () => {
  it('is the protobuf message that raftpb defines', () => {
    const old = { id: 0, type: ConfChangeType.AddNode, nodeId: 2, context: NO_BYTES };
    assert.deepEqual([...encodeConfChange(old)], [0x10, 0, 0x18, 2]);
    const bytes = encodeConfChangeV2({
      transition: ConfChangeTransition.JointExplicit,
      changes: [{ type: ConfChangeType.RemoveNode, nodeId: 300 }],
      context: new Uint8Array([7]),
    });
    assert.deepEqual([...bytes], [0x08, 2, 0x12, 5, 0x08, 1, 0x10, 0xac, 2, 0x1a, 1, 7]);
  });

  it('of no bytes leaves the joint configuration', () => {
    assert.deepEqual(decodeConfChangeV2(NO_BYTES), {
      transition: ConfChangeTransition.Auto,
      changes: [],
      context: NO_BYTES,
    });
  });

  it('may hold fields that are not known yet, but no unknown values', () => {
    const extended = new Uint8Array([0x10, 1, 0x18, 2, 0x50, 9, 0x5a, 1, 0, 0x65, 0, 0, 0, 0]);
    assert.equal(decodeConfChange(extended).nodeId, 2);
    assert.throws(() => decodeConfChange(new Uint8Array([0x10, 4])), code('BAD_VALUE'));
    assert.throws(() => decodeConfChangeV2(new Uint8Array([0x08, 3])), code('BAD_VALUE'));
    assert.throws(() => decodeConfChange(new Uint8Array([0x13])), code('BAD_VALUE'));
  });
});
