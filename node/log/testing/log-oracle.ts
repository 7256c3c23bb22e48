import assert from 'node:assert/strict';
import type { NodeIdentity } from '../index.ts';
import { compacted, EMPTY_LOG, type LogState, signatureOf, statesOf } from './log-state.ts';
import type { Fact } from './trace.ts';

/** A state that may be found, and the request that led to it. */
interface Allowed {
  readonly state: LogState;
  readonly signature: string;
  readonly save: number;
}

function allowed(state: LogState, save: number): Allowed {
  return { state, signature: signatureOf(state), save };
}

/**
 * What may be found after a crash, as of one moment of a workload: the state that was acknowledged
 * last, or one that a later record led to.
 */
export class LogOracle {
  /** The first is the one that was acknowledged last. */
  #states: Allowed[] = [allowed(EMPTY_LOG, 0)];
  #saved = 0;
  readonly #snapshots = new Map<number, number>();
  #acknowledgedSnapshot = 0;
  #identities: (NodeIdentity | null)[] = [null];
  /** Index of a snapshot that becomes current when a save is acknowledged. */
  readonly #installing = new Map<number, number>();
  #begun = false;
  #oldestKey = 1;

  /** The same expectations, for a run that branches off here. */
  copy(): LogOracle {
    const copy = new LogOracle();
    copy.#states = [...this.#states];
    // Requests of another run are counted from 1 again.
    for (const [i, state] of copy.#states.entries()) copy.#states[i] = { ...state, save: 0 };
    for (const [index, term] of this.#snapshots) copy.#snapshots.set(index, term);
    copy.#acknowledgedSnapshot = this.#acknowledgedSnapshot;
    copy.#identities = [...this.#identities];
    copy.#begun = this.#begun;
    copy.#oldestKey = this.#oldestKey;
    return copy;
  }

  add(fact: Fact): void {
    switch (fact.kind) {
      case 'saving':
        return this.#saving(fact);
      case 'saved':
        return this.#acknowledge(fact.number);
      case 'compacting':
        return this.#push(compacted(this.#last(), fact.index, fact.term), Number.MAX_SAFE_INTEGER);
      case 'snapshotting':
        this.#snapshots.set(fact.metadata.index, fact.metadata.term);
        return;
      case 'snapshotted':
        this.#acknowledgedSnapshot = Math.max(this.#acknowledgedSnapshot, fact.index);
        return;
      case 'rewritten':
        this.#oldestKey = fact.key;
        return;
      case 'naming':
        this.#identities.push(fact.identity);
        return;
      case 'named':
        this.#identities = [fact.identity];
        return;
      case 'opened':
        return this.#opened(fact);
    }
  }

  #saving({ number, request }: Extract<Fact, { kind: 'saving' }>): void {
    if (request.snapshot) {
      this.#snapshots.set(request.snapshot.index, request.snapshot.term);
      this.#installing.set(number, request.snapshot.index);
    }
    for (const state of statesOf(this.#last(), request)) this.#push(state, number);
  }

  #push(state: LogState, save: number): void {
    this.#states.push(allowed(state, save));
  }

  #last(): LogState {
    return this.#states.at(-1)?.state ?? EMPTY_LOG;
  }

  /** Everything up to this save is durable, what stands before it in the log included. */
  #acknowledge(number: number): void {
    this.#saved = Math.max(this.#saved, number);
    const last = this.#states.findLastIndex(({ save }) => save <= this.#saved);
    if (last > 0) this.#states = this.#states.slice(last);
    const installed = this.#installing.get(number);
    if (installed !== undefined) this.add({ kind: 'snapshotted', index: installed });
  }

  #opened(fact: Extract<Fact, { kind: 'opened' }>): void {
    this.#begun = true;
    this.#states = [allowed(fact.state, this.#saved)];
    this.#acknowledgedSnapshot = Math.max(this.#acknowledgedSnapshot, fact.snapshotIndex);
  }

  /** Keys before this one may be gone. */
  get oldestKey(): number {
    return this.#oldestKey;
  }

  /** True once a log was opened: from then on a directory without one is a loss. */
  get begun(): boolean {
    return this.#begun;
  }

  /** @throws AssertionError where this is not what the log may hold */
  checkState(state: LogState): void {
    const found = signatureOf(state);
    const known = this.#states.map(({ signature }) => signature);
    if (known.includes(found)) return;
    assert.fail(`found\n  ${found}\nallowed, the acknowledged first:\n  ${known.join('\n  ')}`);
  }

  checkSnapshot(found: { readonly index: number; readonly term: number } | null): void {
    const index = found?.index ?? 0;
    const acknowledged = this.#acknowledgedSnapshot;
    assert.ok(index >= acknowledged, `snapshot ${acknowledged} was acknowledged, found ${index}`);
    if (found === null) return;
    assert.equal(found.term, this.#snapshots.get(index), `snapshot ${index} was never written`);
  }

  checkIdentity(found: NodeIdentity | null): void {
    const allowed = this.#identities.map((identity) => JSON.stringify(identity));
    assert.ok(allowed.includes(JSON.stringify(found)), `identity ${JSON.stringify(found)}`);
  }
}
