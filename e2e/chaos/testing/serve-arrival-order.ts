/**
 * `lithair` with a promise broken on purpose: of two local writes to a row the one that the cluster
 * orders last wins, and not the one that was written last. A run against it must fail.
 */
import { ModelState } from '../../../node/state/model-state.ts';
import { override } from './override.ts';

override(
  ModelState.prototype,
  'mark',
  (original) =>
    function mark(this: ModelState, id) {
      const found = original.call(this, id);
      return found === undefined ? undefined : { ...found, timestampMs: 0, sequence: 0 };
    },
);
await import('../../../node/cli/main.ts');
