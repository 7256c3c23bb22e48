// Lists and maps that are longer than the language allows, found before anything looks at what
// they hold: the work of validation is bounded by this.
import { type Path, type Problem, problem } from './problems.ts';
import type { ListShape, Shape } from './shape.ts';

const MAX_ATTRIBUTES = 100;

/** Problems for every list or map that is too long; nothing below it is looked at. */
export function checkExtent(shape: Shape, value: unknown, path: Path = []): Problem[] {
  if (shape.kind === 'list' && Array.isArray(value)) return checkList(shape, value, path);
  if (shape.kind === 'labels' && typeof value === 'object' && value !== null) {
    const count = Object.keys(value).length;
    if (count <= shape.maxItems) return [];
    return [problem(path, 'too_many', `at most ${shape.maxItems} labels, not ${count}`)];
  }
  if (shape.kind !== 'record' || typeof value !== 'object' || value === null) return [];
  const members: [string, unknown][] = Object.entries(value);
  if (members.length > MAX_ATTRIBUTES) {
    const message = `at most ${MAX_ATTRIBUTES} attributes, not ${members.length}`;
    return [problem(path, 'too_many', message)];
  }
  return members.flatMap(([name, member]) => {
    // Copying this attribute would change what the copy inherits instead.
    if (name === '__proto__') {
      return [problem([...path, name], 'unknown_attribute', `unknown attribute "${name}"`)];
    }
    const inner = Object.hasOwn(shape.attributes, name) ? shape.attributes[name] : undefined;
    return inner ? checkExtent(inner, member, [...path, name]) : [];
  });
}

function checkList(shape: ListShape, value: readonly unknown[], path: Path): Problem[] {
  if (value.length > shape.maxItems) {
    const message = `at most ${shape.maxItems} ${shape.noun}, not ${value.length}`;
    return [problem(path, 'too_many', message)];
  }
  const of = shape.of();
  return value.flatMap((entry, at) => checkExtent(of, entry, [...path, at]));
}
