/**
 * Promises that a history can show to be broken:
 *
 * - `linearizability`: a key has no order that explains all answers;
 * - `session`: a client met something older than it had seen;
 * - `repeated`: a write was executed twice;
 * - `lost`, `invented`: an acknowledged write is gone, or nobody wrote what is there;
 * - `difference`: members hold different things in the end;
 * - `lost local write`: what a node took and acknowledged is gone;
 * - `local order`: of two local writes the earlier one won;
 * - `local`: any other promise about local writes;
 * - `member`: a member did what nobody asked for, or a client met what must not be.
 */
export type BrokenPromise =
  | 'linearizability'
  | 'session'
  | 'repeated'
  | 'lost'
  | 'invented'
  | 'difference'
  | 'lost local write'
  | 'local order'
  | 'local'
  | 'member';

/** A promise that was broken, and how, in a sentence. */
export interface Violation {
  readonly promise: BrokenPromise;
  readonly text: string;
}

/** Sentences about one and the same promise. */
export function broken(promise: BrokenPromise, texts: readonly string[]): Violation[] {
  return texts.map((text) => ({ promise, text }));
}
