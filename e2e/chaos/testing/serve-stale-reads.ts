/**
 * `lithair` with a promise broken on purpose: the barrier that a strong read waits for lets every
 * read pass at once, so a node answers from whatever it holds. A run against it must fail.
 */
import { NodeEngine } from '../../../node/engine.ts';

NodeEngine.prototype.readBarrier = () => null;
await import('../../../node/cli/main.ts');
