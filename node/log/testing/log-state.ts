import type { ConfState, HardState } from 'etcd-raft-ts';
import type { AppliedConfState, Log, SaveRequest } from '../index.ts';

/** What a log holds, as far as the core can see it. */
export interface LogState {
  readonly base: number;
  readonly baseTerm: number;
  /** Terms of the entries behind the base. */
  readonly terms: readonly number[];
  readonly hardState: HardState | null;
  readonly confState: AppliedConfState | null;
}

export const EMPTY_LOG: LogState = {
  base: 0,
  baseTerm: 0,
  terms: [],
  hardState: null,
  confState: null,
};

/** The states that a request leads through, record by record: a crash may leave any of them. */
export function* statesOf(before: LogState, request: SaveRequest): Generator<LogState> {
  let state = before;
  if (request.snapshot) {
    const { index, term, confState } = request.snapshot;
    state = { ...state, base: index, baseTerm: term, terms: [] };
    yield state;
    state = { ...state, confState: { index, confState } };
    yield state;
  }
  for (const { index, term } of request.entries ?? []) {
    state = { ...state, terms: [...state.terms.slice(0, index - state.base - 1), term] };
    yield state;
  }
  if (request.confState) {
    state = { ...state, confState: request.confState };
    yield state;
  }
  if (request.hardState) yield { ...state, hardState: request.hardState };
}

/** The state after compaction up to `index`. */
export function compacted(state: LogState, index: number, term: number): LogState {
  return { ...state, base: index, baseTerm: term, terms: state.terms.slice(index - state.base) };
}

/** What an open log holds. */
export function stateOf(log: Log): LogState {
  const [first, last] = [log.firstIndex(), log.lastIndex()];
  const terms = Array.from({ length: last - first + 1 }, (_, i) => log.term(first + i));
  const { hardState } = log.initialState();
  const { confState } = log.recovery;
  return { base: first - 1, baseTerm: log.term(first - 1), terms, hardState, confState };
}

/** Two states that recovery cannot tell apart have the same signature. */
export function signatureOf(state: LogState): string {
  const { base, baseTerm, terms, confState } = state;
  const hardState = raised(state);
  const vote = `${hardState.term},${hardState.vote},${hardState.commit}`;
  return `base ${base}/${baseTerm} terms ${terms.join()} state ${vote} members ${membersOf(confState)}`;
}

/** What is compacted was committed, and recovery says so in the hard state. */
function raised({ base, baseTerm, hardState }: LogState): HardState {
  const known = hardState ?? { term: 0, vote: 0, commit: 0 };
  const vote = baseTerm > known.term ? 0 : known.vote;
  return { term: Math.max(known.term, baseTerm), vote, commit: Math.max(known.commit, base) };
}

function membersOf(applied: AppliedConfState | null): string {
  if (applied === null) return 'none';
  const { voters, learners }: ConfState = applied.confState;
  return `${applied.index}:${voters.join()}+${learners.join()}`;
}
