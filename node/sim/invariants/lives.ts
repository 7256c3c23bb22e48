import { createHash } from 'node:crypto';
import type { StateReader } from '../../ports/index.ts';
import {
  brokenBetween,
  brokenIn,
  type LifeRow,
  type LifeRows,
  type LifeRules,
  type Row,
} from '../checks/index.ts';
import { BrokenPromise } from './errors.ts';
import { unlessDamaged } from './state-hashes.ts';

const MODELS = ['Parcel', 'ParcelDeleted', 'Lease', 'Remark'] as const;
const USED = ['ParcelUsedValues', 'LeaseUsedValues'] as const;
/** Models with a field `code` that is unique forever. */
const FOREVER = ['Parcel', 'Lease'] as const;

/**
 * What the log made of rows with declared lives, index by index: the same on all members, and by
 * nothing but what the models declare. Of one epoch.
 */
export class Lives {
  readonly #rules: LifeRules;
  /** Digests by index, and who came there first. */
  readonly #digests = new Map<number, { readonly digest: string; readonly by: string }>();
  /** Log time by index, epoch milliseconds: it goes on where no row changes, too. */
  readonly #timesMs = new Map<number, number>();
  /** One for each index that changed something, in the order of the log. */
  readonly #tale: LifeRows[] = [];
  /** Stretches of the log that no member went through entry by entry: `[from, to)`. */
  readonly #gaps: (readonly [number, number])[] = [];
  /** Who had a value first, by model and value. */
  readonly #owners = new Map<string, string>();
  /** Values that were given up, by model and value. */
  readonly #released = new Set<string>();
  #last: LifeRows | null = null;
  #epoch: number | null = null;

  constructor(rules: LifeRules) {
    this.#rules = rules;
  }

  /** Every index that changed something, in the order of the log. */
  get tale(): readonly LifeRows[] {
    return this.#tale;
  }

  /**
   * The rows at an index.
   *
   * @returns null where nobody saw how the log got there
   */
  at(index: number): LifeRows | null {
    if (this.#last === null || index > this.#last.index) return null;
    if (this.#gaps.some(([from, to]) => from <= index && index < to)) return null;
    const rows = this.#tale.findLast((one) => one.index <= index);
    const timeMs = this.#timesMs.get(index);
    return rows === undefined || timeMs === undefined ? null : { ...rows, index, timeMs };
  }

  /** Whether the whole log is known. */
  get isWhole(): boolean {
    return this.#gaps.length === 0;
  }

  /** @throws BrokenPromise */
  onApplied(by: string, state: StateReader): void {
    this.#epoch ??= state.epoch;
    if (state.epoch !== this.#epoch) return;
    const { appliedIndex } = state;
    const rows = unlessDamaged(() => rowsAt(state));
    if (rows === null) return;
    const digest = digestOf(rows);
    const known = this.#digests.get(appliedIndex);
    if (known !== undefined && known.digest !== digest) {
      broken([`${known.by} and ${by} differ at index ${appliedIndex}`]);
    }
    if (known !== undefined || appliedIndex <= (this.#last?.index ?? -1)) return;
    this.#digests.set(appliedIndex, { digest, by });
    this.#timesMs.set(appliedIndex, state.logTimeMs);
    this.#follow(rows, digest);
  }

  #follow(rows: LifeRows, digest: string): void {
    const before = this.#last;
    this.#last = rows;
    const isNext = before !== null && before.index + 1 === rows.index;
    if (before !== null && !isNext) this.#gaps.push([before.index + 1, rows.index]);
    const isSame = before !== null && this.#digests.get(before.index)?.digest === digest;
    if (isSame) return;
    this.#tale.push(rows);
    const step = isNext ? brokenBetween(before, rows, this.#rules) : [];
    broken([...brokenIn(rows), ...step, ...this.#reused(rows), ...this.#forgotten(before, rows)]);
  }

  /** A value that a row had is never another's. */
  #reused({ models, index }: LifeRows): string[] {
    return FOREVER.flatMap((model) =>
      [...models[model]].flatMap(([id, { row }]) => {
        const key = codeOf(model, row);
        if (key === null) return [];
        const owner = this.#owners.get(key) ?? id;
        this.#owners.set(key, owner);
        return owner === id ? [] : [`${key} was of ${owner}, and is of ${id} at index ${index}`];
      }),
    );
  }

  /** Each value that was given up is kept as used, once. */
  #forgotten(before: LifeRows | null, after: LifeRows): string[] {
    for (const model of FOREVER) {
      for (const [id, { row }] of before?.models[model] ?? []) {
        const key = codeOf(model, row);
        const now = after.models[model].get(id);
        if (key === null || (now !== undefined && codeOf(model, now.row) === key)) continue;
        this.#released.add(key);
      }
    }
    const { size } = this.#released;
    const isRight = this.isWhole ? after.used === size : after.used >= size;
    return isRight ? [] : [`${after.used} values are kept as used, of ${size} that were given up`];
  }
}

function codeOf(model: string, row: Row): string | null {
  const { code } = row;
  return typeof code === 'string' ? `${model} code ${code}` : null;
}

function broken(problems: readonly string[]): void {
  if (problems.length > 0) throw new BrokenPromise('lives', problems.join('\n'));
}

function rowsAt(state: StateReader): LifeRows {
  const of = (model: string): ReadonlyMap<string, LifeRow> => {
    const rows = new Map<string, LifeRow>();
    for (const { id, version, json } of state.model(model)?.scan({ descending: false }) ?? []) {
      const row: Row = JSON.parse(json);
      rows.set(id, { version, row });
    }
    return rows;
  };
  const [Parcel, ParcelDeleted, Lease, Remark] = MODELS;
  return {
    index: state.appliedIndex,
    timeMs: state.logTimeMs,
    models: {
      [Parcel]: of(Parcel),
      [ParcelDeleted]: of(ParcelDeleted),
      [Lease]: of(Lease),
      [Remark]: of(Remark),
    },
    used: USED.reduce((sum, model) => sum + (state.model(model)?.size ?? 0), 0),
  };
}

function digestOf({ models, used }: LifeRows): string {
  const hash = createHash('sha256');
  for (const model of MODELS) {
    for (const [id, { version, row }] of models[model]) {
      hash.update(`${model} ${id} ${version} ${JSON.stringify(row)}\n`);
    }
  }
  return hash.update(String(used)).digest('base64');
}
