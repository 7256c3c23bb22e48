import type { Schema } from '@lithair/crds';
import type { ModelReader, StateReader } from '../ports/index.ts';
import type { ReplicatedState } from '../state/index.ts';
import { LocalModel } from './local-model.ts';
import type { LocalRows } from './local-rows.ts';

/** The state as this node shows it: what is ordered, overlaid with what it took by itself. */
export class LocalState implements StateReader {
  readonly #state: ReplicatedState;
  readonly #rows: LocalRows;
  readonly #models = new Map<string, LocalModel>();
  /** What the models were made of. */
  #madeAt = '';

  constructor(state: ReplicatedState, rows: LocalRows) {
    this.#state = state;
    this.#rows = rows;
  }

  get clusterId(): string {
    return this.#state.clusterId;
  }

  get epoch(): number {
    return this.#state.epoch;
  }

  get schema(): Schema {
    return this.#state.schema;
  }

  get schemaVersion(): number {
    return this.#state.schemaVersion;
  }

  get schemaFingerprint(): string {
    return this.#state.schemaFingerprint;
  }

  get appliedIndex(): number {
    return this.#state.appliedIndex;
  }

  get logTimeMs(): number {
    return this.#state.logTimeMs;
  }

  model(name: string): ModelReader | undefined {
    const rows = this.#rows.of(name);
    const ordered = this.#state.model(name);
    if (rows === undefined || ordered === undefined) return ordered;
    const madeAt = `${this.#rows.changes}/${this.#state.appliedIndex}`;
    if (madeAt !== this.#madeAt) this.#models.clear();
    this.#madeAt = madeAt;
    const known = this.#models.get(name);
    if (known !== undefined) return known;
    const made = new LocalModel(ordered, rows);
    this.#models.set(name, made);
    return made;
  }
}
