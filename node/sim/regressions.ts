/** A seed that failed once. */
export interface Regression {
  readonly seed: number;
  /** What was wrong. */
  readonly why: string;
}

/** Seeds that failed once and must never again; they are run before all others. */
export const REGRESSIONS: readonly Regression[] = [
  {
    seed: 180,
    why: 'after a power cut everywhere, the quorum of a new membership did not know that it was in force',
  },
];
