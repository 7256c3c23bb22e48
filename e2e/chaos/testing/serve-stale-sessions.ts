/**
 * `lithair` with a promise broken on purpose: session tokens are not looked at, so a sequential read
 * may show less than its client saw before. A run against it must fail.
 */
import { Consensus } from '../../../node/consensus/index.ts';

Consensus.prototype.readBarrier = function ({ consistency, timeoutMs }) {
  return consistency === 'strong' ? this.confirmRead(timeoutMs) : null;
};
await import('../../../node/cli/main.ts');
