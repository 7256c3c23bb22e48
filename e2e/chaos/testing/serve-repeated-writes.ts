/**
 * `lithair` with a promise broken on purpose: idempotency keys are not looked up, so a write that
 * is sent again is executed again. A run against it must fail.
 */
import { DedupTable } from '../../../node/state/dedup.ts';

DedupTable.prototype.find = () => undefined;
await import('../../../node/cli/main.ts');
