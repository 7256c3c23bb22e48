import type { Schema } from '@lithair/crds';
import type { Change } from '../entry/index.ts';
import type { Actor } from '../ports/index.ts';
import type { Conflict, RowsView } from '../state/index.ts';
import type { ClosedFields, RowAccess } from './types.ts';

/** Who is told, and of which models. */
interface Told {
  readonly rows: Pick<RowsView, 'plan'>;
  readonly schema: Schema;
  readonly actor: Actor;
  readonly rowAccess: RowAccess;
}

/** Said of conflicts that have no words of their own for who may not know what they are about. */
const UNTOLD = 'it cannot be made on the rows that are there';

const ALL_OPEN: ClosedFields = { unreadable: new Set(), unknown: new Set() };

/**
 * Conflicts as the caller is told of them: none names a field that they may neither read nor write,
 * and a rule is told in its own words to who may read all that it speaks of.
 */
export function toldConflicts(
  told: Told,
  changes: readonly Change[],
  conflicts: readonly Conflict[],
): readonly Conflict[] {
  const known = conflicts.map((found) => toldOne(told, changes[found.at]?.model, found));
  const placed = new Set(known.filter(({ field }) => field !== null).map(keyOf));
  // Beside a field that is named, a nameless one would tell that there is another.
  const left = known.filter((each) => each.field !== null || !placed.has(keyOf(each)));
  return [...new Map(left.map((each) => [`${keyOf(each)} ${each.field}`, each])).values()];
}

function keyOf({ at, message }: Conflict): string {
  return `${at} ${message}`;
}

function toldOne(told: Told, changed: string | undefined, found: Conflict): Conflict {
  const { code, field, about } = found;
  const own = closedTo(told, changed);
  const { unreadable, unknown } = about === undefined ? own : closedTo(told, about.model);
  const untold = code === 'rule_broken' ? unreadable : unknown;
  const isNamed = field !== null && own.unknown.has(field);
  if (!isNamed && !(about?.fields ?? []).some((name) => untold.has(name))) return found;
  return { ...found, field: isNamed ? null : field, message: about?.otherwise ?? UNTOLD };
}

function closedTo({ rows, schema, actor, rowAccess }: Told, name = ''): ClosedFields {
  const model = rows.plan(name)?.schema;
  return model === undefined ? ALL_OPEN : rowAccess.closed(schema, model, actor);
}
