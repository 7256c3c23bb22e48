import type { FieldError } from '../ports/index.ts';

/** More errors than this help nobody. */
const MAX_ERRORS = 100;

/** What one reading of a body found. */
export class Report {
  readonly errors: FieldError[] = [];
  /** Declared keys that were met, in all objects: tells whether the text repeats one. */
  keys = 0;
  /** A decimal came as a JSON number, so the body must be read again with its source text. */
  needsSource = false;

  refuse(pointer: string, code: string, message: string): null {
    if (this.errors.length < MAX_ERRORS) this.errors.push({ pointer, code, message });
    return null;
  }
}
