/** A change of the sources after which one attribute of the language means nothing any more. */
export interface Mutant {
  /** As `attributePaths` names it. */
  readonly attribute: string;
  /** What is not kept any more, in words. */
  readonly fault: string;
  /** Relative to the root of the project, as are the tests. */
  readonly file: string;
  /** Occurs exactly once in the file. */
  readonly find: string;
  readonly replace: string;
  /** Test files; one of them has to fail, and they are tried in this order. */
  readonly tests: readonly string[];
}

/** A mutant whose place in the source is gone, or is no longer the only one. */
export class MutantError extends Error {
  override readonly name = 'MutantError';
}

/**
 * The source with the mutant in it.
 *
 * @throws {MutantError} unless the text to replace occurs exactly once.
 */
export function plant(source: string, { attribute, fault, file, find, replace }: Mutant): string {
  const [before, after, ...more] = source.split(find);
  if (before !== undefined && after !== undefined && more.length === 0) {
    return before + replace + after;
  }
  const count = source.split(find).length - 1;
  throw new MutantError(
    `the mutant of ${attribute} ("${fault}") no longer applies: ` +
      `${file} holds ${JSON.stringify(find)} ${count} times, not once`,
  );
}
