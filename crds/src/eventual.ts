// What a model with consistency eventual excludes. Its rows are written on any node without asking
// another, so whatever has to be known of other rows or other nodes cannot be kept.
import { type Path, type Problem, problem } from './problems.ts';
import { listAt, memberAt } from './raw-value.ts';
import { quote } from './structure.ts';

/** A model as it is written, with its place. */
export interface PlacedModel {
  readonly value: unknown;
  readonly path: Path;
}

/** Refuses, attribute by attribute, what a model that nodes write by themselves cannot keep. */
export function checkEventual(models: readonly PlacedModel[]): Problem[] {
  const eventual = models.filter(({ value }) => isEventual(value));
  const names = new Set(eventual.map(({ value }) => memberAt(value, 'name')));
  return models.flatMap(({ value, path }) => [
    ...(isEventual(value) ? checkPersistence(value, path) : []),
    ...listAt(value, 'fields').flatMap((field, at) => {
      const place = [...path, 'fields', at];
      return [
        ...(isEventual(value) ? checkField(field, place) : []),
        ...checkTarget(field, place, names),
      ];
    }),
  ]);
}

function checkPersistence(model: unknown, path: Path): Problem[] {
  const durability = memberAt(memberAt(model, 'persistence'), 'durability');
  // The default, written out.
  if (durability === undefined || durability === 'quorum') return [];
  const message =
    'durability does not apply to consistency eventual: a write is on the disk of the node that took it';
  return [problem([...path, 'persistence', 'durability'], 'conflicting', message)];
}

function checkField(field: unknown, path: Path): Problem[] {
  const problems: Problem[] = [];
  if (memberAt(field, 'unique') === true && memberAt(field, 'primaryKey') !== true) {
    const why = 'two nodes may take the same value at the same time';
    problems.push(conflict([...path, 'unique'], 'unique', why));
  }
  if (memberAt(field, 'states') !== undefined) {
    const why = 'two nodes may take different transitions at the same time';
    problems.push(conflict([...path, 'states'], 'states', why));
  }
  if (memberAt(field, 'encrypted') === true) {
    problems.push(conflict([...path, 'encrypted'], 'encrypted', 'the leader encrypts'));
  }
  if (memberAt(field, 'type') === 'reference') {
    const why = 'the row that it points to may be gone on another node';
    problems.push(conflict([...path, 'type'], 'a reference', why));
  }
  return problems;
}

/** References to such a model are refused where they stand; those within it already are. */
function checkTarget(field: unknown, path: Path, eventual: ReadonlySet<unknown>): Problem[] {
  const target = memberAt(field, 'to');
  if (typeof target !== 'string' || !eventual.has(target)) return [];
  const message = `a reference cannot point to ${quote(target)}: with consistency eventual, its rows come and go without asking`;
  return [problem([...path, 'to'], 'conflicting', message)];
}

function conflict(path: Path, what: string, why: string): Problem {
  return problem(path, 'conflicting', `consistency eventual excludes ${what}: ${why}`);
}

function isEventual(model: unknown): boolean {
  return memberAt(memberAt(model, 'persistence'), 'consistency') === 'eventual';
}
