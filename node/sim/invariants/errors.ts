/** A promise of the product that did not hold in a run. */
export class BrokenPromise extends Error {
  override readonly name = 'BrokenPromise';
  /** Which of the invariants. */
  readonly invariant: string;

  constructor(invariant: string, message: string) {
    super(message);
    this.invariant = invariant;
  }
}
