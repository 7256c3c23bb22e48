import { type Change, isPut } from '../entry/index.ts';
import type { FieldError, IndexKey, Outcome, RejectionCode } from '../ports/index.ts';
import { idOfKey, keyOfId, NULL_KEY } from '../values/index.ts';
import { isShareable, type ModelPlan, type PlannedIndex } from './model-plan.ts';

/** More conflicts than this in one command are not listed. */
const MAX_LISTED = 100;

/** Rows as changes meet them: the applied state, or the applied state and what is proposed. */
export interface RowsView {
  plan(model: string): ModelPlan | undefined;
  /** Version of a live row, 0 for none. */
  versionOf(model: string, id: string): number;
  /** Last version of a deleted id, 0 where the id was never used. */
  deletedVersion(model: string, id: string): number;
  /** The live row that holds a key of a unique field. */
  holder(model: string, position: number, key: IndexKey): string | undefined;
  /** The live rows that have a key in an indexed field. */
  holders(model: string, position: number, key: IndexKey): Iterable<string>;
}

/** Why one change of an entry cannot be made. */
export interface Conflict {
  readonly code: RejectionCode;
  /** Position of the change in its entry. */
  readonly at: number;
  /** The field that the conflict is about; null where it is about the row. */
  readonly field: string | null;
  readonly message: string;
  /** The fields that the message speaks of, and what is said instead to who may not know of them. */
  readonly about?: {
    readonly model: string;
    readonly fields: readonly string[];
    readonly otherwise: string;
  };
}

/**
 * Why the changes of one entry cannot all be made at once; empty where they can. They are judged
 * by the state that all of them together would leave: unique values may be swapped, and a row may
 * refer to one that the same entry creates.
 */
export function findConflicts(view: RowsView, changes: readonly Change[]): readonly Conflict[] {
  const check = new ConflictCheck(view, changes);
  for (let at = 0; at < changes.length && check.found.length < MAX_LISTED; at++) check.change(at);
  return check.found;
}

/**
 * The rejection that conflicts amount to; the first decides the code.
 *
 * @param isBatch whether pointers begin with the position of the change (`/3/price`)
 */
export function rejectionOf(conflicts: readonly Conflict[], isBatch: boolean): Outcome {
  const [first] = conflicts;
  const errors = conflicts.map(({ at, field, code, message }): FieldError => {
    const place = isBatch ? `/${at}` : '';
    return { pointer: field === null ? place : `${place}/${field}`, code, message };
  });
  return {
    kind: 'rejected',
    code: first?.code ?? 'invalid',
    message: first?.message ?? 'the entry cannot be applied',
    errors,
  };
}

class ConflictCheck {
  readonly found: Conflict[] = [];
  private readonly view: RowsView;
  private readonly changes: readonly Change[];
  /** Changes by model and id, and unique values taken; null for a single change. */
  private readonly staged: Map<string, Change> | null;
  private readonly taken: Set<string> | null;

  constructor(view: RowsView, changes: readonly Change[]) {
    this.view = view;
    this.changes = changes;
    const isBatch = changes.length > 1;
    this.staged = isBatch ? firstOfEach(changes) : null;
    this.taken = isBatch ? new Set() : null;
  }

  change(at: number): void {
    const change = this.changes[at];
    const plan = change && this.view.plan(change.model);
    if (change === undefined || plan === undefined) {
      return this.add('invalid', at, null, 'the model does not exist');
    }
    if (!this.row(plan, change, at)) return;
    if (!isPut(change)) {
      if (change.effect === 'deleted') this.references(plan, change.id, at);
      return;
    }
    if (change.keys.length !== plan.indexed.length) {
      return this.add('invalid', at, null, 'the keys are not those of the model');
    }
    this.unique(plan, change.id, change.keys, at);
    this.targets(plan, change.keys, at);
  }

  private row(plan: ModelPlan, change: Change, at: number): boolean {
    const { name, primaryKey } = plan.schema;
    const before = this.view.versionOf(name, change.id);
    const isCreate = change.effect === 'created';
    if (this.stagedChange(name, change.id) !== change || (isCreate && before !== 0)) {
      const message = `a ${name} with this ${primaryKey} exists already`;
      this.add('already_exists', at, primaryKey, message);
    } else if (!isCreate && before === 0) {
      this.add('not_found', at, null, `there is no such ${name}`);
    } else if (change.expectedVersion !== this.versionOf(name, change.id, before)) {
      this.add('version_conflict', at, null, `the ${name} was changed at the same time`);
    } else {
      return true;
    }
    return false;
  }

  private versionOf(model: string, id: string, live: number): number {
    return live === 0 ? this.view.deletedVersion(model, id) : live;
  }

  private unique(plan: ModelPlan, id: string, keys: readonly IndexKey[], at: number): void {
    const { name } = plan.schema;
    for (const index of plan.unique) {
      const { position } = index;
      const key = keys[position] ?? NULL_KEY;
      if (isShareable(index, key)) continue;
      const holder = this.view.holder(name, position, key);
      const isHeld =
        holder !== undefined && holder !== id && !this.isReleased(name, holder, position, key);
      if (!isHeld && this.take(name, position, key)) continue;
      this.shared(name, index, at);
    }
  }

  /** Names every field that the values are of. */
  private shared(model: string, { fields }: PlannedIndex, at: number): void {
    const names = fields.map((field) => field.name);
    const message = `another ${model} has this ${names.join(' and this ')}`;
    const about = { model, fields: names, otherwise: `another ${model} has these values` };
    for (const name of names) this.add('unique_conflict', at, name, message, about);
  }

  private isReleased(model: string, holder: string, position: number, key: IndexKey): boolean {
    const change = this.stagedChange(model, holder);
    if (change === undefined || change.effect === 'unchanged') return false;
    return isPut(change) ? change.keys[position] !== key : true;
  }

  private targets(plan: ModelPlan, keys: readonly IndexKey[], at: number): void {
    for (const { name, position, target } of plan.references) {
      const key = keys[position] ?? NULL_KEY;
      if (key === NULL_KEY || this.willExist(target, idOfKey(key))) continue;
      const message = `there is no ${target} with this id`;
      const otherwise = 'a reference points to nothing';
      const about = { model: plan.schema.name, fields: [name], otherwise };
      this.add('missing_reference', at, name, message, about);
    }
  }

  private willExist(model: string, id: string): boolean {
    const change = this.stagedChange(model, id);
    return change === undefined
      ? this.view.versionOf(model, id) !== 0
      : change.effect !== 'deleted';
  }

  private references(plan: ModelPlan, id: string, at: number): void {
    for (const { model, field, position } of plan.referrers) {
      const key = keyOfId(id);
      for (const holder of this.view.holders(model, position, key)) {
        if (this.isReleased(model, holder, position, key)) continue;
        const what = at === 0 ? 'it' : `a ${plan.schema.name} that would be deleted with it`;
        const message = `a ${model} refers to ${what} in ${field}`;
        const about = { model, fields: [field], otherwise: 'other rows refer to it' };
        this.add('still_referenced', at, null, message, about);
        break;
      }
    }
  }

  private stagedChange(model: string, id: string): Change | undefined {
    if (this.staged !== null) return this.staged.get(rowName(model, id));
    const [only] = this.changes;
    return only?.id === id && only.model === model ? only : undefined;
  }

  /** False where an earlier change of the entry took the value. */
  private take(model: string, position: number, key: IndexKey): boolean {
    if (this.taken === null) return true;
    const name = `${rowName(model, key)}\u0000${position}`;
    if (this.taken.has(name)) return false;
    this.taken.add(name);
    return true;
  }

  private add(
    code: RejectionCode,
    at: number,
    field: string | null,
    message: string,
    about?: Conflict['about'],
  ): void {
    this.found.push({ code, at, field, message, ...(about && { about }) });
  }
}

function firstOfEach(changes: readonly Change[]): Map<string, Change> {
  const byRow = new Map<string, Change>();
  for (const change of changes) {
    const name = rowName(change.model, change.id);
    if (!byRow.has(name)) byRow.set(name, change);
  }
  return byRow;
}

function rowName(model: string, id: string): string {
  return `${model}\u0000${id}`;
}
