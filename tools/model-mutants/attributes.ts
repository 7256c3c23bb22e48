// Which attributes the language has, by where they are written down.
import type { RecordShape, Shape } from '../../crds/src/shape.ts';

/**
 * The attributes of a record and of all within it, such as `spec.models[].fields[].minLength`.
 * What only holds other attributes is none itself. A shape that stands at several places is named
 * where it stands least deep: fields inside objects and items are made of those of fields.
 */
export function attributePaths(root: RecordShape): string[] {
  const paths: string[] = [];
  enter(root, '', new Set(), paths);
  return paths;
}

/** False where the record has no attribute of its own. */
function enter(record: RecordShape, prefix: string, seen: Set<Shape>, paths: string[]): boolean {
  const own = Object.entries(record.attributes).filter(([, shape]) => !seen.has(shape));
  for (const [, shape] of own) seen.add(shape);
  for (const [name, shape] of own) {
    const path = `${prefix}${name}`;
    const inner = shape.kind === 'list' ? shape.of() : shape;
    const below = shape.kind === 'list' ? `${path}[].` : `${path}.`;
    const holdsOthers = inner.kind === 'record' && enter(inner, below, seen, paths);
    if (!holdsOthers) paths.push(path);
  }
  return own.length > 0;
}
