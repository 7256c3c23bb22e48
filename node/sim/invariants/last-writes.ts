import { decodeEntry, type LocalWritesEntry } from '../../entry/index.ts';
import type { StateReader, WrittenAggregate } from '../../ports/index.ts';
import type { LocalWritesOutcome } from '../../state/index.ts';
import { differsFrom, LastWriteJudge, type ShownRow, stampIn } from '../checks/index.ts';
import { BrokenPromise } from './errors.ts';
import { unlessDamaged } from './state-hashes.ts';

const MODEL = 'Memo';

/** What is looked at of a state. */
export type MemoState = Pick<StateReader, 'epoch' | 'appliedIndex' | 'logTimeMs' | 'model'>;

/**
 * Follows the log of one epoch as every member applies it: after each entry with local writes, and
 * as a member begins with a snapshot, rows are those that were written last by their stamps.
 */
export class LastWrites {
  readonly judge = new LastWriteJudge();
  #epoch: number | null = null;
  /** The last entry with local writes that anybody applied. */
  #last = 0;

  /** @throws BrokenPromise */
  onState(by: string, state: MemoState): void {
    this.#epoch ??= state.epoch;
    if (state.epoch === this.#epoch) this.#compare(by, state, this.judge.ids);
  }

  /** A member answers a write that it took when it had applied the log up to an index. */
  onTaken(appliedIndex: number, aggregates: readonly Pick<WrittenAggregate, 'json'>[]): void {
    for (const { json } of aggregates) {
      const stamp = stampIn(json);
      if (stamp !== null) this.judge.took(stamp, appliedIndex);
    }
  }

  /**
   * A member has applied an entry with local writes.
   *
   * @throws BrokenPromise
   */
  onOrdered(by: string, state: MemoState, data: Uint8Array, outcome: LocalWritesOutcome): void {
    if (state.epoch !== this.#epoch || outcome.kind !== 'ordered') return;
    const entry = decodeEntry(data);
    if (entry.kind !== 'localWrites') throw new Error('no other entry orders local writes');
    const ids = entry.writes.flatMap(({ changes }) => changes.map(({ id }) => id));
    if (state.appliedIndex > this.#last) {
      this.#last = state.appliedIndex;
      const lost = this.#follow(state, entry);
      this.#require(lost === outcome.conflicts + outcome.unfit, () => [
        `${lost} writes of index ${this.#last} lose, and ${by} says ${JSON.stringify(outcome)}`,
      ]);
      this.#require(this.judge.problems.length === 0, () => this.judge.problems);
      if (this.judge.outrun.length > 0) {
        throw new BrokenPromise('causality', this.judge.outrun.join('\n'));
      }
    }
    this.#compare(by, state, ids);
  }

  /** Rows that were ever written, as a state has them. */
  shownBy(state: MemoState): ReadonlyMap<string, ShownRow> | null {
    return unlessDamaged(() => new Map(this.judge.ids.map((id) => [id, rowOf(state, id)])));
  }

  /** How many of the writes lost. */
  #follow({ appliedIndex, logTimeMs }: MemoState, entry: LocalWritesEntry): number {
    const { origin, firstSequence, writes } = entry;
    const judged = writes.flatMap(({ stamp, changes, idempotency }, at) => {
      if (idempotency !== null) throw new Error('the clients of this model send no keys');
      return changes.map((change) =>
        this.judge.next({
          index: appliedIndex,
          timeMs: logTimeMs,
          member: origin,
          sequence: firstSequence + at,
          clock: stamp,
          id: change.id,
          stamp: change.effect === 'deleted' ? null : stampIn(change.json),
          fits: change.effect !== 'unfit',
        }),
      );
    });
    return judged.filter((one) => one?.wins === false).length;
  }

  #compare(by: string, state: MemoState, ids: readonly string[]): void {
    const { appliedIndex } = state;
    const who = `at index ${appliedIndex}, ${by}`;
    for (const id of new Set(ids)) {
      const found = unlessDamaged(() => rowOf(state, id));
      if (found === null) continue;
      const problems = differsFrom(who, id, found, this.judge.shownAt(id, appliedIndex));
      this.#require(problems.length === 0, () => problems);
    }
  }

  #require(holds: boolean, problems: () => readonly string[]): void {
    if (!holds) throw new BrokenPromise('last write', problems().join('\n'));
  }
}

function rowOf(state: MemoState, id: string): ShownRow {
  const row = state.model(MODEL)?.get(id);
  return { version: row?.version ?? 0, stamp: stampIn(row?.json ?? null) };
}
