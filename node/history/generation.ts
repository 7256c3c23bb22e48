import type { VersionRecord } from '../ports/index.ts';
import type { HistoryRules } from './rules.ts';

/** What a record costs beside its texts: an object, its places in tables. */
const RECORD_BYTES = 160;

/** A version with the model that it belongs to. */
export interface ModelVersion {
  readonly model: string;
  readonly record: VersionRecord;
}

/** A generation as it was at one moment. */
export interface CapturedGeneration {
  readonly number: number;
  /** In the order of the log. */
  readonly versions: readonly ModelVersion[];
}

/** What was in force when a generation was sealed. */
export interface Sealing {
  readonly rules: ReadonlyMap<string, HistoryRules>;
  /** Log time. */
  readonly timeMs: number;
}

/**
 * The versions that were made between two compactions, in the order of the log. It only grows, and
 * not at all once it is sealed.
 */
export class Generation {
  /** From 1, without gaps. */
  readonly number: number;
  /** Null while it grows; and where it was sealed before a snapshot that it was restored from. */
  sealing: Sealing | null = null;
  private readonly all: ModelVersion[] = [];
  private readonly byModel = new Map<string, Map<string, VersionRecord[]>>();
  private readonly firstMs = new Map<string, number>();
  private weight = 0;

  constructor(number: number) {
    this.number = number;
  }

  get count(): number {
    return this.all.length;
  }

  /** About how much memory it takes. */
  get bytes(): number {
    return this.weight;
  }

  /** Log time of the oldest version; null where there is none. */
  get oldestMs(): number | null {
    return this.all[0]?.record.timeMs ?? null;
  }

  /** Log time of the oldest version of a model; Infinity where there is none. */
  oldestOf(model: string): number {
    return this.firstMs.get(model) ?? Infinity;
  }

  add(model: string, record: VersionRecord): void {
    this.all.push({ model, record });
    this.weight += RECORD_BYTES + (record.json?.length ?? 0) + (record.before?.length ?? 0);
    let rows = this.byModel.get(model);
    if (rows === undefined) {
      this.firstMs.set(model, record.timeMs);
      rows = new Map();
      this.byModel.set(model, rows);
    }
    const chain = rows.get(record.id);
    if (chain === undefined) rows.set(record.id, [record]);
    else chain.push(record);
  }

  /** Versions of an aggregate, oldest first. */
  chain(model: string, id: string): readonly VersionRecord[] {
    return this.byModel.get(model)?.get(id) ?? [];
  }

  /** Models that have versions here, sorted. */
  models(): string[] {
    return [...this.byModel.keys()].sort();
  }

  /** Aggregates of a model that have versions here, by id in the order of code units. */
  chains(model: string): (readonly VersionRecord[])[] {
    const ids = [...(this.byModel.get(model)?.keys() ?? [])].sort();
    return ids.map((id) => this.chain(model, id));
  }

  /** All versions as they are now, in the order of the log; later ones do not show in the array. */
  versions(): readonly ModelVersion[] {
    return this.all.slice();
  }
}
