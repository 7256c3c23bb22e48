import { Overlay } from '../../command/overlay.ts';
import { Consensus, LinkTransport } from '../../consensus/index.ts';
import { Generation } from '../../history/generation.ts';
import { HotHistory } from '../../history/index.ts';
import { Leader } from '../../leader.ts';
import { Journal } from '../../log/index.ts';
import { MemberLog } from '../../log/member-log.ts';
import { LogClock, MAX_AHEAD_MS } from '../../log-clock.ts';
import { RegionPromotion } from '../../membership/index.ts';
import { PromotionGuard } from '../../membership/promotion-guard.ts';
import { Outbox } from '../../outbox/index.ts';
import { WriteQueue } from '../../outbox/queue.ts';
import { Trimming } from '../../outbox/trimming.ts';
import { DedupTable } from '../../state/dedup.ts';
import { type ApplyResult, type ModelPlan, ReplicatedState } from '../../state/index.ts';
import { LocalWrites } from '../../state/local-writes.ts';
import { ModelState } from '../../state/model-state.ts';
import { KeyFilter } from '../../state/slab/key-filter.ts';
import type { Plan } from '../plan.ts';

/** A promise of the product, broken on purpose in the code that keeps it. */
export interface Mutant {
  readonly name: string;
  /** Checks and invariants that notice it within a few dozen seeds. */
  readonly noticedBy: readonly string[];
  /** The runs in which it could show; all where absent. */
  readonly concerns?: (plan: Plan) => boolean;
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

/** The same for a property that is computed. */
function replaceGetter<Target extends object, Name extends keyof Target>(
  target: Target,
  name: Name,
  get: () => Target[Name],
): () => void {
  const original = Object.getOwnPropertyDescriptor(target, name);
  if (original === undefined) throw new Error(`there is no property ${String(name)}`);
  Object.defineProperty(target, name, { ...original, get });
  return () => {
    Object.defineProperty(target, name, original);
  };
}

/** Entries that a mutant applies before it leaves one out. */
const APPLIED_BETWEEN_LOSSES = 200;
/** Local writes behind the first of a batch, from which a mutant on forgets that one. */
const FORGETS_FROM = 3;

/** A model that says nothing of states. */
function withoutStates(plan: ModelPlan): ModelPlan {
  const fields = plan.schema.fields.map(({ states: _states, ...field }) => field);
  return { ...plan, schema: { ...plan.schema, fields } };
}

function isThere<T>(value: T | undefined): value is T {
  return value !== undefined;
}

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'strong reads do not ask for the commit index',
    noticedBy: ['index order', 'linearizable'],
    plant: () => replace(Consensus.prototype, 'readBarrier', () => () => null),
  },
  {
    name: 'sequential reads do not wait for their token',
    noticedBy: ['index order', 'sessions'],
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
    noticedBy: ['linearizable'],
    plant: () => replace(Consensus.prototype, 'confirmRead', () => () => null),
  },
  {
    name: 'idempotency keys are not looked up',
    noticedBy: ['exactly once', 'linearizable'],
    plant: () => replace(DedupTable.prototype, 'find', () => () => undefined),
  },
  {
    name: 'unique values are not compared',
    noticedBy: ['constraints'],
    plant: () => replace(ModelState.prototype, 'holder', () => () => undefined),
  },
  {
    name: 'rows are deleted while others refer to them',
    noticedBy: ['constraints'],
    plant: () => replace(ModelState.prototype, 'holders', () => () => []),
  },
  {
    name: 'versions of deleted ids begin again',
    noticedBy: ['index order', 'linearizable'],
    plant: () => replace(ModelState.prototype, 'deletedVersion', () => () => 0),
  },
  {
    name: 'entries count as saved before they are on the disk',
    noticedBy: ['durable-on-quorum'],
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
    name: 'writes that the disk of the leader should have are answered before it has them',
    noticedBy: ['weak writes'],
    concerns: ({ nodes, growth, weak }) => weak && nodes === 1 && growth.learners === 0,
    plant: () =>
      replace(
        Consensus.prototype,
        'propose',
        (original) =>
          function propose(this: Consensus<ApplyResult, ReplicatedState>, data, timeoutMs, stage) {
            return original.call(this, data, timeoutMs, stage === 'stored' ? 'taken' : stage);
          },
      ),
  },
  {
    name: 'local writes are answered before they are on the disk',
    noticedBy: ['local writes'],
    plant: () =>
      replace(
        Journal.prototype,
        'append',
        (original) =>
          function append(this: Journal, data, done) {
            const sequence = original.call(this, data, () => {});
            queueMicrotask(done);
            return sequence;
          },
      ),
  },
  {
    name: 'local writes are given up before they are ordered',
    noticedBy: ['progress'],
    plant: () => replace(Trimming.prototype, 'run', () => (journal) => journal.trim(journal.last)),
  },
  {
    name: 'members are removed with what only their outbox has',
    noticedBy: ['local writes'],
    concerns: ({ eventual, growth }) => eventual && growth.churnEveryMs > 0,
    plant: () =>
      replace(
        Outbox.prototype,
        'close',
        (original) =>
          function close(this: Outbox) {
            return { ...original.call(this, 0), writes: 0 };
          },
      ),
  },
  {
    name: 'of many local writes that wait, as in a region that is cut off, one is forgotten',
    noticedBy: ['local writes'],
    concerns: ({ eventual }) => eventual,
    plant: () =>
      replace(
        WriteQueue.prototype,
        'batch',
        (original) =>
          function batch(this: WriteQueue, maxWrites, maxBytes) {
            const [first, ...rest] = original.call(this, maxWrites, maxBytes);
            if (first === undefined || rest.length < FORGETS_FROM)
              return [first, ...rest].filter(isThere);
            return [{ ...first, write: { ...first.write, changes: [] } }, ...rest];
          },
      ),
  },
  {
    name: 'of two local writes the one that is ordered last wins',
    noticedBy: ['last write'],
    concerns: ({ eventual, nodes }) => eventual && nodes > 1,
    plant: () =>
      replace(
        ModelState.prototype,
        'mark',
        (original) =>
          function mark(this: ModelState, id) {
            const found = original.call(this, id);
            return found && { ...found, timestampMs: 0, sequence: 0 };
          },
      ),
  },
  {
    name: 'a local write that lost is remembered as if it had won',
    noticedBy: ['last write'],
    concerns: ({ eventual, nodes }) => eventual && nodes > 1,
    plant: () =>
      replace(
        HotHistory.prototype,
        'add',
        (original) =>
          function add(this: HotHistory, model, record) {
            const isLost = record.effect === 'overridden';
            original.call(this, model, isLost ? { ...record, effect: 'updated' } : record);
          },
      ),
  },
  {
    name: 'stamps of local writes go back with the clock of their node',
    noticedBy: ['last write'],
    concerns: ({ eventual, faults }) =>
      eventual && faults.some(({ fault }) => fault === 'clockJump'),
    plant: () => {
      const forgets = [
        replaceGetter(LocalWrites.prototype, 'highest', () => ({ wallMs: 0, counter: 0 })),
        replaceGetter(WriteQueue.prototype, 'last', () => undefined),
      ];
      return () => {
        for (const mend of forgets) mend();
      };
    },
  },
  {
    name: 'stamps of local writes do not look at what their node has seen of others',
    noticedBy: ['causality'],
    concerns: ({ eventual, nodes }) => eventual && nodes > 1,
    plant: () => replaceGetter(LocalWrites.prototype, 'highest', () => ({ wallMs: 0, counter: 0 })),
  },
  {
    name: 'a region takes over without one of its rows',
    noticedBy: ['promotion'],
    concerns: ({ growth }) => growth.promotesRegion,
    plant: () =>
      replace(
        ReplicatedState.prototype,
        'refounded',
        (original) =>
          function refounded(this: ReplicatedState, cluster) {
            const founded = original.call(this, cluster);
            const brands = founded.model('Brand');
            for (const { id, version } of brands?.scan({ descending: false }) ?? []) {
              brands?.bury({ id, version: version + 1, timestampMs: 0, sequence: 0 });
              break;
            }
            return founded;
          },
      ),
  },
  {
    name: 'a region takes over while a quorum of the voters answers',
    noticedBy: ['promotion'],
    concerns: ({ growth }) => growth.promotesRegion,
    plant: () => replace(PromotionGuard.prototype, 'requireNoQuorum', () => () => {}),
  },
  {
    name: 'a region takes over though nobody confirmed what is given up',
    noticedBy: ['promotion'],
    concerns: ({ growth }) => growth.promotesRegion,
    plant: () => replace(PromotionGuard.prototype, 'requireConfirmed', () => () => {}),
  },
  {
    name: 'a question what a promotion would give up is taken for an order',
    noticedBy: ['promotion'],
    concerns: ({ growth }) => growth.promotesRegion,
    plant: () =>
      replace(
        RegionPromotion.prototype,
        'promote',
        (original) =>
          async function promote(this: RegionPromotion, { region, confirm }) {
            const outlook = await original.call(this, { region });
            const all = confirm ?? `${outlook.clusterId}/${outlook.epoch}`;
            return original.call(this, { region, confirm: all });
          },
      ),
  },
  {
    name: 'a region takes over that was not asked to',
    noticedBy: ['promotion'],
    concerns: ({ growth }) => growth.promotesRegion,
    plant: () => replace(PromotionGuard.prototype, 'requireOwn', () => () => {}),
  },
  {
    name: 'a leader whose clock is far ahead stamps by it',
    noticedBy: ['log-time'],
    concerns: ({ nodes, faults }) => nodes > 1 && faults.some(({ fault }) => fault === 'clockJump'),
    plant: () =>
      replace(
        LogClock.prototype,
        'nowMs',
        (original) =>
          function nowMs(this: LogClock) {
            return original.call(this) + Math.max(0, this.aheadMs - MAX_AHEAD_MS);
          },
      ),
  },
  {
    name: 'the apply version is raised without asking the others',
    noticedBy: ['apply-version'],
    plant: () =>
      replace(LinkTransport.prototype, 'applyVersionsOf', () => () => ({ oldest: 1, latest: 99 })),
  },
  {
    name: 'some generations of history are archived as empty ones',
    noticedBy: ['past'],
    plant: () =>
      replace(
        Generation.prototype,
        'models',
        (original) =>
          function models(this: Generation) {
            return this.number % 2 === 0 ? [] : original.call(this);
          },
      ),
  },
  {
    name: 'a version is not remembered now and then',
    noticedBy: ['past'],
    plant: () =>
      replace(
        HotHistory.prototype,
        'add',
        (original) =>
          function add(this: HotHistory, model, record) {
            if (record.sequence % 9 !== 0) original.call(this, model, record);
          },
      ),
  },
  {
    name: 'values that nobody else may take are forgotten',
    noticedBy: ['lives'],
    concerns: ({ lives }) => lives,
    plant: () =>
      replace(
        Overlay.prototype,
        'find',
        (original) =>
          function find(this: Overlay, model, id) {
            return model.endsWith('UsedValues') ? undefined : original.call(this, model, id);
          },
      ),
  },
  {
    name: 'a filter of values forgets half of them',
    noticedBy: ['lives'],
    concerns: ({ lives }) => lives,
    plant: () =>
      replace(
        KeyFilter.prototype,
        'add',
        (original) =>
          function add(this: KeyFilter, hash) {
            if (hash % 2 === 0) original.call(this, hash);
          },
      ),
  },
  {
    name: 'states change by transitions that nobody declared',
    noticedBy: ['lives'],
    concerns: ({ lives }) => lives,
    plant: () =>
      replace(
        Overlay.prototype,
        'plan',
        (original) =>
          function plan(this: Overlay, model) {
            const found = original.call(this, model);
            return found && withoutStates(found);
          },
      ),
  },
  {
    name: 'rows whose time has come stay until somebody writes there',
    noticedBy: ['progress'],
    concerns: ({ lives }) => lives,
    plant: () => replace(Leader.prototype, 'expireRows', () => () => Promise.resolve(false)),
  },
  {
    name: 'an entry is left out now and then',
    noticedBy: ['equal-state'],
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
