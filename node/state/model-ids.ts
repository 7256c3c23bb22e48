import type {
  AggregateRecord,
  IndexKey,
  JoinedRows,
  KeyRange,
  ModelReader,
} from '../ports/index.ts';
import type { IdRange } from './aggregate-store.ts';
import type { ModelState } from './model-state.ts';
import { rowOfId } from './slab/index.ts';

/** The rows of a model by their ids alone: whoever asks which they are reads no file for that. */
export class ModelIds implements ModelReader {
  readonly idsOnly = null;
  private readonly model: ModelState;

  constructor(model: ModelState) {
    this.model = model;
  }

  get schema() {
    return this.model.schema;
  }

  get size(): number {
    return this.model.size;
  }

  get indexedFields(): readonly string[] {
    return this.model.indexedFields;
  }

  get fileReads(): number {
    return this.model.fileReads;
  }

  get(id: string): AggregateRecord | undefined {
    return this.model.versionOf(id) === 0 ? undefined : rowOfId(id);
  }

  readAhead(id: string): Promise<void> | null {
    return this.model.readAhead(id);
  }

  readAheadOf(ids: Iterable<string>): Promise<void> | null {
    return this.model.readAheadOf(ids);
  }

  scan(range: IdRange): Iterable<AggregateRecord> {
    return this.model.scan(range, 'id');
  }

  lookup(field: string, key: IndexKey, range?: IdRange): Iterable<AggregateRecord> {
    return this.model.lookup(field, key, range, 'id');
  }

  lacks(field: string, key: IndexKey): boolean {
    return this.model.lacks(field, key);
  }

  joined(rows: readonly AggregateRecord[]): JoinedRows {
    return this.model.joined(rows);
  }

  range(field: string, range: KeyRange): Iterable<AggregateRecord> {
    return this.model.range(field, range, 'id');
  }
}
