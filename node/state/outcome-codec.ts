import type { ByteReader, ByteWriter } from '../entry/index.ts';
import type { Outcome, WrittenAggregate } from '../ports/index.ts';

export type AppliedOutcome = Extract<Outcome, { kind: 'applied' }>;

/** Effects of kept outcomes. Positions are part of the snapshot's format: append only. */
const EFFECTS = ['created', 'updated', 'deleted', 'unchanged'] as const;

/** Writes a kept outcome, as the table of outcomes and snapshots both hold it. */
export function writeOutcome(writer: ByteWriter, outcome: AppliedOutcome): void {
  writer.varint(outcome.index);
  writer.byte(EFFECTS.indexOf(outcome.effect));
  writer.varint(outcome.aggregates.length);
  for (const { id, version, json } of outcome.aggregates) {
    writer.text(id);
    writer.varint(version);
    writer.byte(json === null ? 0 : 1);
    if (json !== null) writer.text(json);
  }
}

/**
 * Reads what `writeOutcome` wrote; null where its effect is unknown.
 *
 * @throws EntryError where the bytes end early
 */
export function readOutcome(reader: ByteReader): AppliedOutcome | null {
  const index = reader.varint();
  const effect = EFFECTS[reader.byte()];
  if (effect === undefined) return null;
  const aggregates = Array.from({ length: reader.count(1) }, () => readWritten(reader));
  return { kind: 'applied', index, effect, aggregates, replayed: false };
}

function readWritten(reader: ByteReader): WrittenAggregate {
  const id = reader.text();
  const version = reader.varint();
  return { id, version, json: reader.byte() === 0 ? null : reader.text() };
}
