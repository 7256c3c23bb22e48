import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { WorkQueue } from './index.ts';

/** Lets everything run that waits for no timer. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i += 1) await Promise.resolve();
}

interface Harness {
  readonly queue: WorkQueue;
  readonly started: string[];
  readonly errors: string[];
  /** Ends the work on the key that waits longest. */
  readonly finish: (result?: number | null | Error) => Promise<void>;
}

function harness(t: TestContext, concurrency = 2): Harness {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const started: string[] = [];
  const errors: string[] = [];
  const open: ((result: number | null | Error) => void)[] = [];
  const queue = new WorkQueue({
    concurrency,
    firstRetryMs: 100,
    lastRetryMs: 350,
    work: (key) => {
      started.push(key);
      return new Promise((resolve, reject) => {
        open.push((result) =>
          result instanceof Error ? reject(result) : resolve({ againAfterMs: result }),
        );
      });
    },
    onError: (key, _, retryInMs) => errors.push(`${key} ${retryInMs}`),
  });
  queue.start();
  return {
    queue,
    started,
    errors,
    finish: async (result = null) => {
      open.shift()?.(result);
      await settle();
    },
  };
}

test('a key that is added twice while it waits is worked on once', async (t) => {
  const { queue, started, finish } = harness(t, 1);
  queue.add('a');
  queue.add('b');
  queue.add('b');
  await finish();
  await finish();
  assert.deepEqual(started, ['a', 'b']);
});

test('a key is never worked on twice at once; a change meanwhile is worked on afterwards', async (t) => {
  const { queue, started, finish } = harness(t);
  queue.add('a');
  queue.add('a');
  queue.add('a');
  assert.deepEqual(started, ['a']);
  await finish();
  assert.deepEqual(started, ['a', 'a']);
});

test('no more keys than allowed are worked on at the same time', async (t) => {
  const { queue, started, finish } = harness(t, 2);
  for (const key of ['a', 'b', 'c']) queue.add(key);
  assert.deepEqual(started, ['a', 'b']);
  assert.equal(queue.depth, 1);
  await finish();
  assert.deepEqual(started, ['a', 'b', 'c']);
});

test('a failing key waits longer each time, up to a limit, and success forgets it', async (t) => {
  const { queue, started, errors, finish } = harness(t);
  queue.add('a');
  for (const waitMs of [100, 200, 350, 350]) {
    await finish(new Error('no'));
    t.mock.timers.tick(waitMs - 1);
    const before = started.length;
    t.mock.timers.tick(1);
    assert.equal(started.length, before + 1);
  }
  await finish();
  queue.add('a');
  await finish(new Error('no'));
  assert.deepEqual(errors, ['a 100', 'a 200', 'a 350', 'a 350', 'a 100']);
});

test('a change during a failing pass does not skip its back-off', async (t) => {
  const { queue, started, finish } = harness(t);
  queue.add('a');
  queue.add('a');
  await finish(new Error('no'));
  assert.deepEqual(started, ['a']);
  t.mock.timers.tick(100);
  assert.deepEqual(started, ['a', 'a']);
});

test('a key is asked for again after the time it said, or earlier on a change', async (t) => {
  const { queue, started, finish } = harness(t);
  queue.add('a');
  await finish(5_000);
  t.mock.timers.tick(4_999);
  assert.equal(started.length, 1);
  queue.add('a');
  await finish(5_000);
  assert.equal(started.length, 2);
  t.mock.timers.tick(4_999);
  assert.equal(started.length, 2);
  t.mock.timers.tick(1);
  assert.equal(started.length, 3);
});

test('stopping waits for what is worked on and starts nothing more', async (t) => {
  const { queue, started, finish } = harness(t, 1);
  queue.add('a');
  queue.add('b');
  let stopped = false;
  const stopping = queue.stop().finally(() => {
    stopped = true;
  });
  await settle();
  assert.equal(stopped, false);
  await finish(1_000);
  await stopping;
  t.mock.timers.tick(10_000);
  assert.deepEqual(started, ['a']);
});
