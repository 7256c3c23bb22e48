import { Consensus } from '../../consensus/index.ts';
import { MemberLog } from '../../log/member-log.ts';
import { DedupTable } from '../../state/dedup.ts';
import { type ApplyResult, ReplicatedState } from '../../state/index.ts';
import { ModelState } from '../../state/model-state.ts';

/** A promise of the product, broken on purpose in the code that keeps it. */
export interface Mutant {
  readonly name: string;
  /** Breaks it; the result mends it again. */
  plant(): () => void;
}

/** Replaces one method of a class while a mutant lives. */
function replace<Target extends object, Name extends keyof Target>(
  target: Target,
  name: Name,
  make: (original: Target[Name]) => Target[Name],
): () => void {
  const original = target[name];
  target[name] = make(original);
  return () => {
    target[name] = original;
  };
}

/** Entries that a mutant applies before it leaves one out. */
const APPLIED_BETWEEN_LOSSES = 200;

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'strong reads do not ask for the commit index',
    plant: () => replace(Consensus.prototype, 'readBarrier', () => () => null),
  },
  {
    name: 'sequential reads do not wait for their token',
    plant: () =>
      replace(
        Consensus.prototype,
        'readBarrier',
        (original) =>
          function barrier(this: Consensus<ApplyResult, ReplicatedState>, demand) {
            return original.call(this, { ...demand, minIndex: 0 });
          },
      ),
  },
  {
    name: 'refusals are answered by a leader that may be cut off',
    plant: () => replace(Consensus.prototype, 'confirmRead', () => () => null),
  },
  {
    name: 'idempotency keys are not looked up',
    plant: () => replace(DedupTable.prototype, 'find', () => () => undefined),
  },
  {
    name: 'snapshots hold no idempotency keys',
    plant: () => replace(DedupTable.prototype, 'records', () => () => []),
  },
  {
    name: 'versions of deleted ids begin again',
    plant: () => replace(ModelState.prototype, 'deletedVersion', () => () => 0),
  },
  {
    name: 'entries count as saved before they are on the disk',
    plant: () =>
      replace(
        MemberLog.prototype,
        'save',
        (original) =>
          function save(this: MemberLog, request, done) {
            original.call(this, request, () => {});
            done();
          },
      ),
  },
  {
    name: 'an entry is left out now and then',
    plant: () => {
      let applied = 0;
      return replace(
        ReplicatedState.prototype,
        'apply',
        (original) =>
          function apply(this: ReplicatedState, index, term, data) {
            applied += 1;
            const isLost = applied % APPLIED_BETWEEN_LOSSES === 0;
            return original.call(this, index, term, isLost ? new Uint8Array(0) : data);
          },
      );
    },
  },
];
