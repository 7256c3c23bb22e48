/** A fault that is planted into a copy of the core, to see whether the tests notice. */
export interface Mutant {
  readonly name: string;
  readonly danger: string;
  /** `safety`: something wrong is decided, answered or promised; `liveness`: nothing is, or too late; `limits`: options and contracts. */
  readonly kind: 'safety' | 'liveness' | 'limits';
  /** Relative to src. */
  readonly file: string;
  /** Occurs exactly once in the file. */
  readonly find: string;
  readonly replace: string;
}
