import { MapAggregateStore } from './aggregate-store.ts';
import { describeAggregateStore } from './testing/aggregate-store-contract.ts';

describeAggregateStore('a map of records', () => new MapAggregateStore());
