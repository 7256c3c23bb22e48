import { type SoftState, StateType } from 'etcd-raft-ts';

/** Tells when this member may execute commands, and when no longer. */
export interface LeadershipEvent {
  /** True once this member leads and has applied the first entry of its own term. */
  readonly leading: boolean;
  readonly term: number;
}

/** Follows who leads. A new leader leads for the outside once its state is complete. */
export class Leadership {
  role: StateType = StateType.Follower;
  /** 0 where none is known. */
  leader = 0;
  #readyTerm = 0;
  readonly #listeners: ((event: LeadershipEvent) => void)[] = [];
  readonly #once = new Set<() => void>();

  /** The term whose first entry was applied here as its leader; 0 in any other. */
  get readyTerm(): number {
    return this.#readyTerm;
  }

  /** Whether commands may be executed here. */
  get leading(): boolean {
    return this.#readyTerm !== 0;
  }

  get isLeader(): boolean {
    return this.role === StateType.Leader;
  }

  /** Calls back synchronously at each change, and at once where this member leads already. */
  listen(listener: (event: LeadershipEvent) => void): void {
    this.#listeners.push(listener);
    if (this.leading) listener({ leading: true, term: this.#readyTerm });
  }

  /** Calls back once when the leader or the own role changes; the result cancels. */
  onceChanged(callback: () => void): () => void {
    this.#once.add(callback);
    return () => this.#once.delete(callback);
  }

  onSoftState(state: SoftState): void {
    this.role = state.raftState;
    this.leader = state.lead;
    if (this.leading && !this.isLeader) this.end();
    this.#changed();
  }

  /** The first entry of the own term was applied: everything before it is in the state. */
  begin(term: number): void {
    this.#readyTerm = term;
    for (const listener of this.#listeners) listener({ leading: true, term });
    this.#changed();
  }

  end(): void {
    if (!this.leading) return;
    const term = this.#readyTerm;
    this.#readyTerm = 0;
    for (const listener of this.#listeners) listener({ leading: false, term });
  }

  #changed(): void {
    const callbacks = [...this.#once];
    this.#once.clear();
    for (const callback of callbacks) callback();
  }
}
