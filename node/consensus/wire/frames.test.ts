import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeFrame, FrameReader } from './index.ts';

const frames = fc.array(fc.tuple(fc.constantFrom(1, 4, 5, 12), fc.uint8Array({ maxLength: 300 })), {
  maxLength: 8,
});

test('frames arrive whole and in order, wherever the stream is cut', () => {
  fc.assert(
    fc.property(frames, fc.integer({ min: 1, max: 64 }), (sent, cut) => {
      const stream = Buffer.concat(sent.map(([kind, payload]) => encodeFrame(kind, payload)));
      const reader = new FrameReader(1000);
      const got: [number, Uint8Array][] = [];
      for (let at = 0; at < stream.length; at += cut) {
        reader.push(stream.subarray(at, at + cut), (kind, payload) =>
          got.push([kind, Uint8Array.from(payload)]),
        );
      }
      assert.deepEqual(got, sent);
    }),
  );
});

test('a frame above the bound is refused from its header alone, and so is an empty one', () => {
  const long = encodeFrame(4, Buffer.alloc(1000));
  assert.throws(() => new FrameReader(1000).push(long.subarray(0, 5), () => {}), /at most 1000/);
  assert.throws(() => new FrameReader(1000).push(Buffer.alloc(5), () => {}), /empty frame/);
});
