import { type Change, MAX_CHANGES, type RowChange } from '../entry/index.ts';
import { findConflicts, type ModelPlan, parseRow, type ReplicatedState } from '../state/index.ts';
import { datetimeOf, expiryOf, indexKey, isExpired, NULL_KEY } from '../values/index.ts';
import { withConsequences } from './consequences.ts';
import { withDeletedRows } from './deleted-rows.ts';
import { named } from './named-changes.ts';
import type { Overlay } from './overlay.ts';
import { MAX_PUT_BYTES, putBytes } from './put-bytes.ts';
import { nameOf, type StuckRows } from './stuck-rows.ts';
import { usedValues } from './used-values.ts';

/** Who deletes rows whose time has come. */
export const EXPIRY_ACTOR = { subject: 'lithair', method: 'none', roles: [] } as const;

/**
 * Rows of an index that are looked at in one go, besides those that are known to be stuck; most of
 * them are on their way out already.
 */
const MAX_SCANNED = 1000;
/** Rows that turn out to be stuck, in one go: each may have taken a thousand others to learn. */
const MAX_STUCK = 100;
/** Rows that expire in one entry, with all that goes with them within what an entry holds. */
const MAX_ROOTS = 200;

/** A row that a command is about. */
export interface RowName {
  readonly model: string;
  readonly id: string;
}

/**
 * The deletions of rows whose time has come, with what follows from them, as many as one entry
 * takes; empty where there are none. The rows that are asked for come first.
 *
 * @param stuck those known to be stuck are passed over, except those that are asked for
 */
export function expiredRows(
  rows: Overlay,
  state: ReplicatedState,
  nowMs: number,
  first: readonly RowName[],
  stuck: StuckRows,
): readonly Change[] {
  stuck.retry(nowMs);
  const found = new ExpiredRows(rows, nowMs, stuck);
  for (const { model, id } of first) {
    const plan = rows.plan(model);
    if (plan !== undefined && !found.add(plan, id)) return found.entry();
  }
  for (const { plan } of state.modelStates()) {
    if (expiryOf(plan.schema) === null) continue;
    for (const id of dueIds(state, plan, nowMs, stuck)) {
      if (!found.add(plan, id)) return found.entry();
    }
  }
  return found.entry();
}

/** By the applied state; what is proposed since is asked for one by one. */
function* dueIds(
  state: ReplicatedState,
  { schema }: ModelPlan,
  nowMs: number,
  stuck: StuckRows,
): Generator<string, void, undefined> {
  const expiry = expiryOf(schema);
  const field = schema.fields.find(({ name }) => name === expiry?.field);
  if (expiry === null || field === undefined) return;
  const due = indexKey(field, datetimeOf(nowMs - expiry.afterMs));
  const range = {
    from: { key: NULL_KEY, inclusive: false },
    to: { key: due, inclusive: true },
    descending: false,
  };
  let scanned = 0;
  for (const { id } of state.model(schema.name)?.range(field.name, range) ?? []) {
    if (stuck.has(nameOf({ model: schema.name, id }))) continue;
    if (scanned++ === MAX_SCANNED) return;
    yield id;
  }
}

class ExpiredRows {
  private readonly changes: Change[] = [];
  private readonly rows: Overlay;
  private readonly nowMs: number;
  private readonly taken = new Set<string>();
  private readonly stuck: StuckRows;
  private stuckCount = 0;
  /** How many of the changes are those of the first root. */
  private firstCount = 0;
  private roots = 0;
  private bytes = 0;

  constructor(rows: Overlay, nowMs: number, stuck: StuckRows) {
    this.rows = rows;
    this.nowMs = nowMs;
    this.stuck = stuck;
  }

  /**
   * What one entry takes. Each root has no conflict by itself; where they have one with each other,
   * as when two rows get the same unique value, the first goes alone.
   */
  entry(): readonly Change[] {
    const { rows, changes, roots, firstCount } = this;
    const isWhole = roots < 2 || findConflicts(rows, changes).length === 0;
    return isWhole ? changes : changes.slice(0, firstCount);
  }

  /** False where the go ends: there is no room for another, or too many are stuck. */
  add({ schema }: ModelPlan, id: string): boolean {
    const { name, deletedOf } = schema;
    const expiry = expiryOf(schema);
    const before = this.rows.find(name, id);
    if (expiry === null || before === undefined) return true;
    if (!isExpired(expiry, parseRow(before.json), this.nowMs)) return true;
    const events = [deletedOf === undefined ? `${name}Expired` : `${deletedOf}Purged`];
    const expectedVersion = before.version;
    const follow = this.follow({ effect: 'deleted', model: name, id, expectedVersion, events });
    if (follow === null) return this.leave({ model: name, id });
    if (follow.some((change) => this.taken.has(nameOf(change)))) return true;
    const bytes = putBytes(follow);
    if (!this.holds(follow.length, bytes)) return false;
    this.take(follow, bytes);
    return this.roots < MAX_ROOTS;
  }

  /** Whether the entry takes these, too. The first root is one that an entry takes by itself. */
  private holds(count: number, bytes: number): boolean {
    if (this.changes.length + count > MAX_CHANGES) return false;
    return this.roots === 0 || this.bytes + bytes <= MAX_PUT_BYTES;
  }

  private leave(row: RowName): boolean {
    this.stuck.add(nameOf(row));
    this.stuckCount += 1;
    return this.stuckCount < MAX_STUCK;
  }

  /** Null where it is stuck: too much for an entry, or kept by something. */
  private follow(deletion: RowChange): readonly Change[] | null {
    const { rows, nowMs } = this;
    const all = withConsequences(rows, deletion);
    const gone = all && withDeletedRows(rows, all, { nowMs, actor: EXPIRY_ACTOR });
    const changes = gone && [...gone, ...usedValues(rows, gone).kept];
    if (changes === null || changes.length > MAX_CHANGES) return null;
    return findConflicts(rows, changes).length > 0 ? null : changes;
  }

  private take(changes: readonly Change[], bytes: number): void {
    if (this.roots === 0) this.firstCount = changes.length;
    this.roots += 1;
    this.bytes += bytes;
    for (const change of changes) {
      this.taken.add(nameOf(change));
      this.changes.push(named(this.rows, change));
    }
  }
}
