/**
 * `lithair` with a promise broken on purpose: an outbox keeps the place of a write now and then, and
 * not what it was. A run against it must fail.
 */
import { WriteQueue } from '../../../node/outbox/queue.ts';
import { override } from './override.ts';

const ONE_IN = 10;

override(
  WriteQueue.prototype,
  'batch',
  (original) =>
    function batch(this: WriteQueue, maxWrites, maxBytes) {
      return original.call(this, maxWrites, maxBytes).map((queued) => {
        if (queued.sequence % ONE_IN !== 0) return queued;
        return { ...queued, write: { ...queued.write, changes: [] } };
      });
    },
);
await import('../../../node/cli/main.ts');
