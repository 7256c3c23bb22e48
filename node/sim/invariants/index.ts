/** What must hold inside of the cluster, whatever its clients see. */
export { requireAbleMembers } from './apply-version.ts';
export { Durability } from './durability.ts';
export { Elections } from './elections.ts';
export { BrokenPromise } from './errors.ts';
export { LastWrites } from './last-writes.ts';
export { Lives } from './lives.ts';
export { requireBoundStamp } from './log-time.ts';
export { StateHashes, unlessDamaged } from './state-hashes.ts';
export { Upsets } from './upsets.ts';
