// Rules for indexes over several fields: of which fields, and what excludes them.
import { type Path, type Problem, problem } from './problems.ts';
import { listAt, memberAt } from './raw-value.ts';
import { INDEXED_TYPES } from './rules.ts';
import { quote } from './structure.ts';

/** Checks the indexes of a model as it is written. */
export function checkIndexes(model: unknown, path: Path): Problem[] {
  const fields = listAt(model, 'fields');
  const indexes = listAt(model, 'indexes');
  const names = indexes.map((index) =>
    JSON.stringify([listAt(index, 'fields'), memberAt(index, 'where')]),
  );
  return indexes.flatMap((index, at) => {
    const place = [...path, 'indexes', at];
    const isSecond = names.indexOf(names[at] ?? '') < at;
    return [
      ...(isSecond ? [problem(place, 'duplicate_name', 'a second index has these fields')] : []),
      ...checkSingle(index, [...place, 'fields']),
      ...checkFields(listAt(index, 'fields'), fields, [...place, 'fields']),
      ...checkShared(index, model, [...place, 'unique']),
    ];
  });
}

/** An index over all rows by one field is said of the field. */
function checkSingle(index: unknown, path: Path): Problem[] {
  const isMore = memberAt(index, 'where') !== undefined || memberAt(index, 'unique') === 'forever';
  if (listAt(index, 'fields').length !== 1 || isMore) return [];
  const message =
    'an index over one field is said of the field (index, unique), but with where or unique: forever';
  return [problem(path, 'too_few', message)];
}

function checkFields(names: readonly unknown[], fields: readonly unknown[], path: Path): Problem[] {
  return names.flatMap((name, at) => {
    if (typeof name !== 'string') return [];
    const place = [...path, at];
    if (names.indexOf(name) < at) {
      return [problem(place, 'duplicate_value', `the field ${quote(name)} is there twice`)];
    }
    const field = fields.find((candidate) => memberAt(candidate, 'name') === name);
    if (field === undefined) {
      return [problem(place, 'missing_field', `there is no field ${quote(name)} in the model`)];
    }
    return checkField(field, name, place);
  });
}

function checkField(field: unknown, name: string, path: Path): Problem[] {
  if (memberAt(field, 'primaryKey') === true) {
    const message = `${quote(name)} is the primary key, which every index ends with anyway`;
    return [problem(path, 'primary_key', message)];
  }
  if (memberAt(field, 'encrypted') === true) {
    const message = `${quote(name)} is encrypted: no index holds its values`;
    return [problem(path, 'conflicting', message)];
  }
  const type = memberAt(field, 'type');
  if (typeof type !== 'string' || INDEXED_TYPES.some((known) => known === type)) return [];
  const message = `an index takes no field of type ${type}; it takes ${INDEXED_TYPES.join(', ')}`;
  return [problem(path, 'does_not_apply', message)];
}

function checkShared(index: unknown, model: unknown, path: Path): Problem[] {
  const isEventual = memberAt(memberAt(model, 'persistence'), 'consistency') === 'eventual';
  if (memberAt(index, 'unique') === undefined || !isEventual) return [];
  const why = 'two nodes may take the same values at the same time';
  return [problem(path, 'conflicting', `consistency eventual excludes unique: ${why}`)];
}
