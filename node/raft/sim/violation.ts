/** Thrown when a property of the protocol does not hold; `property` names it in a few words. */
export class Violation extends Error {
  override readonly name = 'Violation';
  readonly property: string;

  constructor(property: string, detail: string) {
    super(`${property}: ${detail}`);
    this.property = property;
  }
}

/** @throws {Violation} of `property` unless `holds`; the detail is built only then. */
export function demand(holds: boolean, property: string, detail: () => string): void {
  if (!holds) throw new Violation(property, detail());
}
