import {
  type ConfChange,
  type ConfChangeV2,
  type ConfState,
  decodeConfChange,
  decodeConfChangeV2,
  type Entry,
  EntryType,
  NO_BYTES,
  type Snapshot,
  type SnapshotMetadata,
} from 'etcd-raft-ts';
import type { Logger } from '../ports/index.ts';
import type {
  AppliedEntry,
  ReplicatedLog,
  RestoreState,
  StateMachine,
  StateSummary,
} from './ports.ts';

/** What a {@link Replica} is made of, and whom it tells. */
export interface ReplicaDependencies<Result extends AppliedEntry, State> {
  readonly memberId: number;
  readonly log: ReplicatedLog;
  readonly state: State | null;
  readonly restore: RestoreState<State>;
  readonly logger: Logger;
  /** Puts a change into force in the core. */
  applyChange(change: ConfChange | ConfChangeV2): ConfState;
  onApplied(entry: Entry, result: Result): void;
  /** The state jumped to this index. */
  onInstalled(index: number): void;
  /** Members or their addresses may have changed. */
  onMembers(): void;
}

/** The applied side of a member: state and membership, as of one index. */
export class Replica<Result extends AppliedEntry, State extends StateMachine<Result>> {
  readonly #deps: ReplicaDependencies<Result, State>;
  #state: State | null;
  #confState: ConfState;
  #applied: number;
  #appliedTerm: number;
  /** Entries up to here are part of a snapshot that is being installed. */
  #installIndex = 0;
  /** Memberships that are on their way to the disk. */
  #unsaved = 0;

  constructor(deps: ReplicaDependencies<Result, State>) {
    const { log, state } = deps;
    requireMatch(log, state);
    this.#deps = deps;
    this.#state = state;
    this.#confState = log.initialState().confState;
    this.#applied = state?.appliedIndex ?? 0;
    this.#appliedTerm = this.#applied === 0 ? 0 : log.term(this.#applied);
  }

  /** Null until there was a first snapshot. */
  get state(): State | null {
    return this.#state;
  }

  get confState(): ConfState {
    return this.#confState;
  }

  /** Whether the present membership is on the disk as being in force. */
  get membershipSaved(): boolean {
    return this.#unsaved === 0;
  }

  get applied(): number {
    return this.#applied;
  }

  get installing(): boolean {
    return this.#installIndex > this.#applied;
  }

  /** Where in the log the state stands, with the membership there. */
  get position(): SnapshotMetadata {
    return { index: this.#applied, term: this.#appliedTerm, confState: this.#confState };
  }

  /** Whether this member decides alone. */
  get isOnlyVoter(): boolean {
    const { voters, votersOutgoing } = this.#confState;
    return voters.length === 1 && voters[0] === this.#deps.memberId && votersOutgoing.length === 0;
  }

  /** Whether the present membership names this member at all. */
  get isMember(): boolean {
    const { voters, learners, votersOutgoing, learnersNext } = this.#confState;
    const { memberId } = this.#deps;
    return [voters, learners, votersOutgoing, learnersNext].some((ids) => ids.includes(memberId));
  }

  /** Whether an entry may be applied now; where it may not, a slice of what it waits for is done. */
  readyFor({ index, type, data }: Entry): boolean {
    if (index <= this.#installIndex || type !== EntryType.Normal) return true;
    return this.#state === null || this.#state.readyFor(data);
  }

  apply(entry: Entry): void {
    const { index, term } = entry;
    if (index <= this.#installIndex) return;
    const state = this.#state;
    if (state === null) throw new Error(`entry ${index} before the first snapshot`);
    const result =
      entry.type === EntryType.Normal
        ? state.apply(index, term, entry.data)
        : this.#applyChange(state, entry);
    this.#applied = index;
    this.#appliedTerm = term;
    this.#deps.onApplied(entry, result);
  }

  /** A snapshot is on its way to the log: what it covers is not applied any more. */
  expect(snapshot: Snapshot): void {
    this.#installIndex = snapshot.metadata.index;
  }

  /** Replaces the state by that of the snapshot, which the log holds by now. */
  async install(snapshot: Snapshot): Promise<void> {
    const { index, term, confState } = snapshot.metadata;
    const chunks = this.#deps.log.readSnapshot();
    if (chunks === null) throw new Error('the installed snapshot is not there');
    const state = await this.#deps.restore(chunks);
    if (state.appliedIndex !== index) {
      throw new Error(`snapshot ${index} holds the state of index ${state.appliedIndex}`);
    }
    this.#state = state;
    this.#applied = index;
    this.#appliedTerm = term;
    this.#confState = confState;
    this.#deps.logger.info({ index, ...describe(confState) }, 'installed a snapshot');
    this.#deps.onInstalled(index);
    this.#deps.onMembers();
  }

  #applyChange(state: State, entry: Entry): Result {
    const { index, term, data } = entry;
    const change =
      entry.type === EntryType.ConfChange ? decodeConfChange(data) : decodeConfChangeV2(data);
    const result =
      change.context.length === 0
        ? state.apply(index, term, NO_BYTES)
        : state.applyMember(index, term, change.context);
    if (isRefused(result)) return result;
    this.#confState = this.#deps.applyChange(change);
    this.#unsaved += 1;
    this.#deps.log.save({ confState: { index, confState: this.#confState } }, () => {
      this.#unsaved -= 1;
    });
    this.#deps.logger.info({ index, ...describe(this.#confState) }, 'membership changed');
    this.#deps.onMembers();
    return result;
  }
}

/** The state machine did not take the change; then the core must not either. */
function isRefused(result: AppliedEntry): boolean {
  return result.kind === 'member' && result.outcome?.kind === 'rejected';
}

/**
 * The state is that of the snapshot, or of an entry behind it: then the log was replayed that far,
 * and the membership is still the snapshot's.
 */
function requireMatch(log: ReplicatedLog, state: StateSummary | null): void {
  if (state === null) return;
  const { index } = log.snapshot().metadata;
  const { appliedIndex } = state;
  if (appliedIndex === index) return;
  const isReplayed = appliedIndex > index && !log.changesMembership(index + 1, appliedIndex + 1);
  if (isReplayed) return;
  throw new Error(`the state of index ${appliedIndex} is not that of snapshot ${index}`);
}

function describe(confState: ConfState): { voters: string; learners: string } {
  return { voters: confState.voters.join(','), learners: confState.learners.join(',') };
}
