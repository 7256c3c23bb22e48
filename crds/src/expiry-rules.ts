// Rows that go by themselves: by which field, and that nothing can keep them.
import { type Path, type Problem, problem } from './problems.ts';
import { listAt, memberAt } from './raw-value.ts';
import { quote } from './structure.ts';

interface Placed {
  readonly value: unknown;
  readonly path: Path;
}

/** Refuses what would keep an expired row, and fields that tell no time. */
export function checkExpiry(models: readonly Placed[]): Problem[] {
  return models.flatMap(({ value, path }) => {
    const lifecycle = memberAt(value, 'lifecycle');
    const ttl = memberAt(lifecycle, 'ttl');
    if (typeof ttl !== 'object' || ttl === null) return [];
    const place = [...path, 'lifecycle', 'ttl'];
    return [
      ...checkField(value, memberAt(ttl, 'field'), [...place, 'field']),
      ...checkAfter(memberAt(ttl, 'after'), [...place, 'after']),
      ...checkCompany(value, lifecycle, place),
      ...checkReferences(models, memberAt(value, 'name')),
    ];
  });
}

function checkField(model: unknown, name: unknown, path: Path): Problem[] {
  if (typeof name !== 'string') return [];
  const field = listAt(model, 'fields').find((each) => memberAt(each, 'name') === name);
  if (field === undefined) {
    return [problem(path, 'missing_field', `there is no field ${quote(name)} in the model`)];
  }
  if (memberAt(field, 'encrypted') === true) {
    return [problem(path, 'conflicting', `${name} is encrypted: rows cannot expire by it`)];
  }
  const type = memberAt(field, 'type');
  if (type === 'datetime' || typeof type !== 'string') return [];
  return [problem(path, 'does_not_apply', `rows expire by a datetime; ${name} is of type ${type}`)];
}

function checkAfter(after: unknown, path: Path): Problem[] {
  if (after !== 'forever') return [];
  return [problem(path, 'invalid_value', 'rows that never expire need no ttl')];
}

function checkCompany(model: unknown, lifecycle: unknown, place: Path): Problem[] {
  const problems: Problem[] = [];
  if (memberAt(lifecycle, 'softDelete') === true) {
    const message = 'ttl excludes softDelete: a row that was restored would expire again at once';
    problems.push(problem(place, 'conflicting', message));
  }
  if (memberAt(memberAt(model, 'persistence'), 'consistency') === 'eventual') {
    const why = 'a node that is cut off would write on rows that are gone';
    problems.push(problem(place, 'conflicting', `consistency eventual excludes ttl: ${why}`));
  }
  return problems;
}

/** A row that expires takes along what cascades; none of these may be held by another row. */
function checkReferences(models: readonly Placed[], expiring: unknown): Problem[] {
  const going = new Set([expiring]);
  const references = models.flatMap(({ value, path }) =>
    listAt(value, 'fields').flatMap((field, at) => {
      const to = memberAt(field, 'to');
      const onDelete = memberAt(field, 'onDelete') ?? 'restrict';
      const place = [...path, 'fields', at, 'onDelete'];
      return to === undefined ? [] : [{ from: memberAt(value, 'name'), to, onDelete, place }];
    }),
  );
  for (const target of going) {
    for (const { from, to, onDelete } of references) {
      if (to === target && onDelete === 'cascade') going.add(from);
    }
  }
  return references.flatMap(({ to, onDelete, place }) => {
    if (!going.has(to) || onDelete !== 'restrict') return [];
    const message = `rows of ${quote(String(expiring))} expire, and restrict would keep them: say cascade or setNull`;
    return [problem(place, 'conflicting', message)];
  });
}
