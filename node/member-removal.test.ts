import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lettingGo } from './member-removal.ts';
import type { Clock } from './ports/index.ts';
import { systemClock } from './world.ts';

const MEMBER = { id: 3, name: 'n3', address: 'n3:1', diskUuid: 'd3', intent: 'voter' } as const;

/** Time that passes twenty times as fast. */
function hurriedClock(): Clock {
  const startMs = systemClock.monotonicMs();
  return {
    nowMs: () => systemClock.nowMs(),
    monotonicMs: () => startMs + 20 * (systemClock.monotonicMs() - startMs),
    after: (delayMs, callback) => systemClock.after(delayMs / 20, callback),
  };
}

/** A member that answers each question with the next number of waiting writes. */
function letGo(waiting: readonly number[], isComplete = true): Promise<void> {
  let asked = 0;
  const request = (): Promise<Uint8Array> => {
    const writes = waiting[Math.min(asked++, waiting.length - 1)];
    if (writes === undefined) return Promise.reject(new Error('not connected'));
    return Promise.resolve(Buffer.from(JSON.stringify({ status: 200, body: { writes } })));
  };
  const clock = hurriedClock();
  return lettingGo({ transport: { request }, keeper: { isComplete }, clock })(MEMBER);
}

test('a member is let go once its outbox is empty', async () => {
  await letGo([7, 3, 0]);
});

test('a member whose outbox does not come to an end is not removed, and it is told why', async () => {
  await assert.rejects(letGo([7]), {
    code: 'outbox_not_empty',
    message: /^member 3 \(n3\) took 7 writes that are not ordered yet, and they would be lost/,
  });
});

test('a member that is there and does not say what waits is not removed', async () => {
  await assert.rejects(letGo([]), { code: 'unavailable', message: /^member 3 does not tell/ });
});

test('nobody is let go while the leader lacks archives that another may have', async () => {
  await assert.rejects(letGo([0], false), { code: 'unavailable', message: /fetches the history/ });
});
