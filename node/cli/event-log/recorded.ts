import { scanArchives, threadedZstd } from '../../archive/index.ts';
import type { ScanOptions } from '../../log/index.ts';
import type { VersionRecord } from '../../ports/index.ts';
import type { ReplicatedState } from '../../state/index.ts';

/** Versions that are held at one time: what is more is read again, a window of events after another. */
const WINDOW_VERSIONS = 200_000;

/** A version of the past, with the model that it is one of. */
export interface RecordedVersion {
  readonly model: string;
  readonly record: VersionRecord;
}

/** Which versions are wanted. */
export interface Wanted {
  readonly matches: (version: RecordedVersion) => boolean;
  /** Older ones are not; epoch milliseconds, or null. */
  readonly sinceMs: number | null;
  /** Events behind this one are not: what replays the log tells those. */
  readonly upToSequence: number;
}

/**
 * The versions that archives and the history of a restored snapshot hold, in the order of their
 * events. Archives are ordered by id, so they are read once for the places of what is wanted, and
 * once more for each window of it: memory stays bounded, however long the past is.
 *
 * @throws ArchiveError, LogError
 */
export async function* recordedVersions(
  options: ScanOptions,
  state: ReplicatedState,
  wanted: Wanted,
  windowVersions = WINDOW_VERSIONS,
): AsyncGenerator<RecordedVersion> {
  const places: number[] = [];
  for await (const { record } of wantedVersions(options, state, wanted)) {
    places.push(record.sequence);
  }
  // Packed before it is sorted: numbers by value, and eight bytes each.
  const sequences = Float64Array.from(places).sort();
  for (let at = 0; at < sequences.length; at += windowVersions) {
    const [first, last] = [sequences[at], sequences[at + windowVersions - 1] ?? Infinity];
    const window = new Map<number, RecordedVersion>();
    for await (const version of wantedVersions(options, state, wanted)) {
      const { sequence } = version.record;
      if (sequence >= (first ?? 0) && sequence <= last) window.set(sequence, version);
    }
    yield* [...window.values()].toSorted((a, b) => a.record.sequence - b.record.sequence);
  }
}

async function* wantedVersions(
  options: ScanOptions,
  state: ReplicatedState,
  { matches, sinceMs, upToSequence }: Wanted,
): AsyncGenerator<RecordedVersion> {
  const isWanted = (version: RecordedVersion): boolean => {
    const { timeMs, sequence } = version.record;
    return sequence <= upToSequence && timeMs >= (sinceMs ?? -Infinity) && matches(version);
  };
  for await (const { model, records } of scanArchives(options, threadedZstd, sinceMs)) {
    for (const record of records) if (isWanted({ model, record })) yield { model, record };
  }
  for (const { versions } of state.history.capture()) {
    for (const version of versions) if (isWanted(version)) yield version;
  }
}
