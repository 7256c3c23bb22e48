import { type Change, MAX_CHANGES, type RowChange } from '../entry/index.ts';
import type { RowsView } from '../state/index.ts';
import { keyOfId } from '../values/index.ts';
import { withoutValues } from './new-row.ts';
import type { LiveRow } from './overlay.ts';
import { MAX_PUT_BYTES, putBytes } from './put-bytes.ts';

interface LinkedRows extends Pick<RowsView, 'plan' | 'versionOf' | 'holders'> {
  find(model: string, id: string): LiveRow | undefined;
}

/**
 * A deletion with what follows from it: rows that refer to it are deleted, too, or refer to nothing
 * any more, as their fields say; and so on for those that are deleted. Each row appears once, the
 * deleted one first. Whether something is left that must not refer to them is not decided here.
 *
 * @returns null where these are more rows, or larger ones, than one entry takes
 */
export function withConsequences(rows: LinkedRows, root: RowChange): readonly Change[] | null {
  const consequences = new Consequences(rows, root);
  return consequences.follow() ? consequences.changes() : null;
}

interface Loosened {
  readonly model: string;
  readonly id: string;
  readonly fields: Set<string>;
}

class Consequences {
  private readonly rows: LinkedRows;
  /** By model and id; more are added at the end while it is gone through. */
  private readonly deleted = new Map<string, RowChange>();
  private readonly loosened = new Map<string, Loosened>();

  constructor(rows: LinkedRows, root: RowChange) {
    this.rows = rows;
    this.deleted.set(nameOf(root.model, root.id), root);
  }

  /** False where there are too many. */
  follow(): boolean {
    for (const change of this.deleted.values()) if (!this.followRow(change)) return false;
    return true;
  }

  /** Null where the rows that change are too large together. */
  changes(): readonly Change[] | null {
    const changes: Change[] = [...this.deleted.values()];
    let bytes = 0;
    for (const [name, { model, id, fields }] of this.loosened) {
      if (this.deleted.has(name)) continue;
      const [plan, before] = [this.rows.plan(model), this.rows.find(model, id)];
      if (plan === undefined || before === undefined) continue;
      const change = withoutValues(plan, id, fields, before);
      bytes += putBytes([change]);
      if (bytes > MAX_PUT_BYTES) return null;
      changes.push(change);
    }
    return changes;
  }

  private followRow({ model, id }: RowChange): boolean {
    const key = keyOfId(id);
    for (const referrer of this.rows.plan(model)?.referrers ?? []) {
      if (referrer.onDelete === 'restrict') continue;
      for (const holder of this.rows.holders(referrer.model, referrer.position, key)) {
        if (referrer.onDelete === 'cascade') this.remove(referrer.model, holder);
        else this.loosen(referrer.model, holder, referrer.field);
        if (this.deleted.size + this.loosened.size > MAX_CHANGES) return false;
      }
    }
    return true;
  }

  private remove(model: string, id: string): void {
    const name = nameOf(model, id);
    if (this.deleted.has(name)) return;
    const expectedVersion = this.rows.versionOf(model, id);
    this.deleted.set(name, { effect: 'deleted', model, id, expectedVersion });
  }

  private loosen(model: string, id: string, field: string): void {
    const name = nameOf(model, id);
    const known = this.loosened.get(name);
    if (known === undefined) this.loosened.set(name, { model, id, fields: new Set([field]) });
    else known.fields.add(field);
  }
}

function nameOf(model: string, id: string): string {
  return `${model}\u0000${id}`;
}
