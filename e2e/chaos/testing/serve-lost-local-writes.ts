/**
 * `lithair` with a promise broken on purpose: an outbox keeps the place of a write now and then, and
 * not what it was. A run against it must fail.
 */
import { WriteQueue } from '../../../node/outbox/queue.ts';

const ONE_IN = 10;

const batch = WriteQueue.prototype.batch;
WriteQueue.prototype.batch = function (maxWrites, maxBytes) {
  return batch.call(this, maxWrites, maxBytes).map((queued) => {
    if (queued.sequence % ONE_IN !== 0) return queued;
    return { ...queued, write: { ...queued.write, changes: [] } };
  });
};
await import('../../../node/cli/main.ts');
