import type { ModelReader } from '../../ports/index.ts';

/** A reader of the same rows, and how many of them were looked at through it. */
export function watchedReader(model: ModelReader): { reader: ModelReader; looked: () => number } {
  let looked = 0;
  function* watch<T>(rows: Iterable<T>): Generator<T> {
    for (const row of rows) {
      looked += 1;
      yield row;
    }
  }
  const reader: ModelReader = {
    schema: model.schema,
    size: model.size,
    fileReads: 0,
    indexedFields: model.indexedFields,
    get: (id) => model.get(id),
    readAhead: () => null,
    readAheadOf: () => null,
    idsOnly: null,
    scan: (range) => watch(model.scan(range)),
    lookup: (field, key, range) => watch(model.lookup(field, key, range)),
    lacks: (field, key) => model.lacks(field, key),
    joined: (rows) => model.joined(rows),
    range: (field, range) => watch(model.range(field, range)),
  };
  return { reader, looked: () => looked };
}
