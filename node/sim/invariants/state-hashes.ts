import { type ReplicatedState, stateHash } from '../../state/index.ts';
import { BrokenPromise } from './errors.ts';

/**
 * What is read of a state whose cold rows may be on a disk that fails or was damaged: null where it
 * is. The member stops then by itself, and whoever brought the fault over it knows whether it may.
 */
export function unlessDamaged<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && 'code' in error && UNREADABLE.has(error.code)) return null;
    throw error;
  }
}

const UNREADABLE: ReadonlySet<unknown> = new Set(['EIO', 'LOG_CORRUPT']);

/** Applied entries between two looks. */
const EVERY = 8;

/**
 * Equal state at equal applied index: on all members, live or restored from a snapshot, and again
 * when a restarted member replays its log.
 */
export class StateHashes {
  /** By epoch and index: the entries of one epoch say nothing about another's. */
  readonly #hashes = new Map<string, { readonly hash: string; readonly by: string }>();
  /** Comparisons that were made. */
  compared = 0;

  onApplied(by: string, index: number, state: ReplicatedState): void {
    if (index % EVERY === 0) this.check(by, state);
  }

  /** @throws BrokenPromise */
  check(by: string, state: ReplicatedState): void {
    const { appliedIndex, epoch } = state;
    const key = `${epoch}/${appliedIndex}`;
    const hash = unlessDamaged(() => stateHash(state));
    if (hash === null) return;
    const known = this.#hashes.get(key);
    if (known === undefined) {
      this.#hashes.set(key, { hash, by });
      return;
    }
    this.compared += 1;
    if (known.hash === hash) return;
    const text = `the states of ${known.by} and ${by} differ at index ${appliedIndex}`;
    throw new BrokenPromise('equal-state', text);
  }
}
