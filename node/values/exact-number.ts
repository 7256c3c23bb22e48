/**
 * A JSON number whose source text a double would not give back: `12.50`, `1e2`, 20 digits. The
 * JSON parser of the validation room makes one exactly when `String(Number(source)) !== source`;
 * all other numbers stay JavaScript numbers. It never reaches a command body: {@link canonicalize}
 * turns it into the canonical form of the field's type.
 */
export class ExactNumber {
  /** The number as written, in JSON's grammar (RFC 8259, section 6). */
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }
}
