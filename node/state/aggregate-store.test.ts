import { KeyedHash, SlabStore } from './slab/index.ts';
import { AdaptiveStore } from './testing/adaptive-store.ts';
import { CONTRACT_KINDS, describeAggregateStore } from './testing/aggregate-store-contract.ts';
import { NaiveStore } from './testing/naive-store.ts';

const hasher = new KeyedHash(Uint8Array.from([7, 1, 8, 2, 8, 1, 8, 2]));

describeAggregateStore('slabs of memory', () => new SlabStore(CONTRACT_KINDS, hasher));
describeAggregateStore(
  'slabs that leave rows to files',
  () => new AdaptiveStore(CONTRACT_KINDS, hasher),
);
describeAggregateStore('a map of rows', () => new NaiveStore());
