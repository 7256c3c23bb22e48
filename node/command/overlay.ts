import { type Change, isPut } from '../entry/index.ts';
import type { IndexKey } from '../ports/index.ts';
import type { ModelPlan, ReplicatedState, RowsView } from '../state/index.ts';
import { NULL_KEY } from '../values/index.ts';

/** A row as a proposed entry will leave it. Rows of one id are chained, oldest to newest. */
export interface PendingRow {
  readonly id: string;
  readonly version: number;
  /** Null where the entry deletes it. */
  readonly json: string | null;
  readonly keys: readonly IndexKey[];
  older: PendingRow | undefined;
  newer: PendingRow | undefined;
}

/** The rows that one entry will leave; handed back when the entry is applied or dropped. */
export type PendingRows = readonly { readonly model: string; readonly row: PendingRow }[];

/** A live row, applied or proposed. */
export interface LiveRow {
  readonly version: number;
  readonly json: string;
}

interface PendingModel {
  /** The newest pending row of each id; only these have claims. */
  readonly rows: Map<string, PendingRow>;
  /**
   * By position, then key: the newest pending rows that have it. Only of unique indexes and
   * references, the ones that rules ask for; null has no claims.
   */
  readonly claims: readonly (Claims | undefined)[];
}

/** Ids by key. Most keys have one, which then needs no set of its own. */
class Claims {
  private readonly byKey = new Map<IndexKey, string | Set<string>>();

  add(key: IndexKey, id: string): void {
    const held = this.byKey.get(key);
    if (held === undefined) this.byKey.set(key, id);
    else if (typeof held === 'string') this.byKey.set(key, new Set([held, id]));
    else held.add(id);
  }

  delete(key: IndexKey, id: string): void {
    const held = this.byKey.get(key);
    if (held === id) this.byKey.delete(key);
    if (held === undefined || typeof held === 'string') return;
    held.delete(id);
    if (held.size === 0) this.byKey.delete(key);
  }

  first(key: IndexKey): string | undefined {
    const held = this.byKey.get(key);
    if (held === undefined || typeof held === 'string') return held;
    for (const id of held) return id;
    return undefined;
  }

  ids(key: IndexKey): Iterable<string> {
    const held = this.byKey.get(key);
    if (held === undefined) return [];
    return typeof held === 'string' ? [held] : held;
  }
}

/**
 * The applied state as it will be once everything proposed is applied. Writes of one leader chain
 * through it: a second write to a row is computed on the first one's result.
 */
export class Overlay implements RowsView {
  private readonly state: ReplicatedState;
  private readonly models = new Map<string, PendingModel>();

  constructor(state: ReplicatedState) {
    this.state = state;
  }

  plan(model: string): ModelPlan | undefined {
    return this.state.plan(model);
  }

  find(model: string, id: string): LiveRow | undefined {
    const pending = this.models.get(model)?.rows.get(id);
    if (pending === undefined) return this.state.find(model, id);
    const { version, json } = pending;
    return json === null ? undefined : { version, json };
  }

  versionOf(model: string, id: string): number {
    const pending = this.models.get(model)?.rows.get(id);
    if (pending === undefined) return this.state.versionOf(model, id);
    return pending.json === null ? 0 : pending.version;
  }

  deletedVersion(model: string, id: string): number {
    const pending = this.models.get(model)?.rows.get(id);
    if (pending === undefined) return this.state.deletedVersion(model, id);
    return pending.json === null ? pending.version : 0;
  }

  holder(model: string, position: number, key: IndexKey): string | undefined {
    const pending = this.models.get(model);
    if (pending === undefined) return this.state.holder(model, position, key);
    const claimed = pending.claims[position]?.first(key);
    if (claimed !== undefined) return claimed;
    const applied = this.state.holder(model, position, key);
    return applied !== undefined && pending.rows.has(applied) ? undefined : applied;
  }

  *holders(model: string, position: number, key: IndexKey): Generator<string, void, undefined> {
    const pending = this.models.get(model);
    yield* pending?.claims[position]?.ids(key) ?? [];
    for (const id of this.state.holders(model, position, key)) {
      if (pending === undefined || !pending.rows.has(id)) yield id;
    }
  }

  /** Lays the changes of a proposed entry over what is there. */
  add(changes: readonly Change[]): PendingRows {
    return changes.flatMap((change) => {
      if (change.effect === 'unchanged') return [];
      const { model, id } = change;
      const pending = this.modelOf(model);
      const older = pending.rows.get(id);
      const row: PendingRow = {
        id,
        version: change.expectedVersion + 1,
        json: isPut(change) ? change.json : null,
        keys: isPut(change) ? change.keys : [],
        older,
        newer: undefined,
      };
      if (older !== undefined) {
        older.newer = row;
        unclaim(pending, older);
      }
      pending.rows.set(id, row);
      claim(pending, row);
      return [{ model, row }];
    });
  }

  /** Takes rows away whose entry was applied (the state has them now) or dropped. */
  remove(rows: PendingRows): void {
    for (const { model, row } of rows) this.removeRow(this.modelOf(model), row);
  }

  private removeRow(pending: PendingModel, row: PendingRow): void {
    const { older, newer } = row;
    if (older !== undefined) older.newer = newer;
    if (newer !== undefined) {
      newer.older = older;
      return;
    }
    unclaim(pending, row);
    if (older === undefined) {
      pending.rows.delete(row.id);
      return;
    }
    pending.rows.set(row.id, older);
    claim(pending, older);
  }

  private modelOf(name: string): PendingModel {
    const known = this.models.get(name);
    if (known !== undefined) return known;
    const indexed = this.state.plan(name)?.indexed ?? [];
    const claims = indexed.map(({ isUnique, target }) =>
      isUnique || target !== null ? new Claims() : undefined,
    );
    const pending = { rows: new Map(), claims };
    this.models.set(name, pending);
    return pending;
  }

  /** Forgets the layout of models; nothing may be pending. */
  reset(): void {
    this.models.clear();
  }
}

function claim(pending: PendingModel, row: PendingRow): void {
  for (let at = 0; at < row.keys.length; at++) {
    const key = row.keys[at] ?? NULL_KEY;
    if (key !== NULL_KEY) pending.claims[at]?.add(key, row.id);
  }
}

function unclaim(pending: PendingModel, row: PendingRow): void {
  for (let at = 0; at < row.keys.length; at++) {
    pending.claims[at]?.delete(row.keys[at] ?? NULL_KEY, row.id);
  }
}
