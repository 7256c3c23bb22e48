// Routes below a row, for the rows of other models that refer to it.
import { type Path, type Problem, problem } from './problems.ts';
import { listAt, textAt } from './raw-value.ts';
import type { Schema } from './schema.ts';
import { quote } from './structure.ts';

/** `<path of target>/{id}/<segment>` lists the rows of `model` whose `field` refers to the row. */
export interface RelatedRows {
  readonly target: string;
  readonly segment: string;
  readonly model: string;
  readonly field: string;
}

/** What stands below a row already. */
const RESERVED = ['history', 'events'];

/**
 * All such routes. A field that says `inverse` has that one; another has the last part of its
 * model's path, where no other field can claim it.
 */
export function relatedRows(schema: Pick<Schema, 'models'>): RelatedRows[] {
  const claims = schema.models.flatMap(({ name, path, fields }) =>
    fields.flatMap(({ name: field, to, inverse }) => {
      if (to === undefined) return [];
      const usual = path.slice(path.lastIndexOf('/') + 1);
      return [
        {
          target: to,
          segment: inverse ?? usual,
          isSaid: inverse !== undefined,
          model: name,
          field,
        },
      ];
    }),
  );
  const isClear = (claim: (typeof claims)[number]) =>
    claim.isSaid ||
    (!RESERVED.includes(claim.segment) &&
      claims.every((other) => other === claim || !isSameRoute(other, claim)));
  return claims
    .filter(isClear)
    .map(({ target, segment, model, field }) => ({ target, segment, model, field }));
}

function isSameRoute(a: RelatedRows, b: RelatedRows): boolean {
  return a.target === b.target && a.segment === b.segment;
}

/** Refuses routes that are taken: by those of every row, or by another field. */
export function checkInverses(models: readonly { value: unknown; path: Path }[]): Problem[] {
  const said = models.flatMap(({ value, path }) =>
    listAt(value, 'fields').flatMap((field, at) => {
      const place = [...path, 'fields', at];
      const [target] = textAt(field, 'to', place);
      const [inverse] = textAt(field, 'inverse', place);
      return target && inverse ? [{ ...inverse, route: `${target.value}/${inverse.value}` }] : [];
    }),
  );
  return said.flatMap(({ value, path, route }, at) => {
    if (RESERVED.includes(value)) {
      return [problem(path, 'reserved_name', `${quote(value)} is a route of every row`)];
    }
    if (said.findIndex((other) => other.route === route) === at) return [];
    return [problem(path, 'duplicate_name', `a second inverse ${quote(value)} of one model`)];
  });
}
