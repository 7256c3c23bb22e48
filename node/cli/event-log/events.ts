import { setTimeout as sleep } from 'node:timers/promises';
import { decodeConfChangeV2, NO_BYTES } from 'etcd-raft-ts';
import { eventId } from '../../history/index.ts';
import {
  type BadPlace,
  followLog,
  type RawRecord,
  type ScanOptions,
  scanLog,
  scanSnapshots,
} from '../../log/index.ts';
import { type ReplicatedState, restoreState, type StateEvent } from '../../state/index.ts';
import { CliError, EXIT } from '../cli-error.ts';
import { type RecordedVersion, recordedVersions } from './recorded.ts';

/** Which events are shown; an empty list and null stand for all. */
export interface EventFilter {
  readonly models: readonly string[];
  readonly types: readonly string[];
  readonly aggregate: string | null;
  /** Log time, epoch milliseconds. */
  readonly sinceMs: number | null;
}

/** How long nothing is asked where a log has come to its end for now. */
const FOLLOW_MS = 200;

/**
 * The events of a data directory as JSON lines: first what is recorded of the past, in archives and
 * in the oldest sound snapshot, then what apply makes of the committed entries behind it. Of a
 * recorded event that is told which is kept.
 *
 * @param follows goes on with what a running node writes, without end
 * @param onDamage is told of a snapshot that is passed over, because it is not sound
 * @throws CliError where no snapshot and log fit together; LogError, also where there is no log
 */
export async function* eventLines(
  options: ScanOptions,
  filter: EventFilter,
  follows: boolean,
  onDamage: (place: BadPlace) => void,
): AsyncGenerator<string> {
  const snapshots = await scanSnapshots(options, onDamage);
  // Where there is no log at all, its first record says so.
  if (snapshots.length === 0) await scanLog(options).next();
  // Where a snapshot does not reach to the log, the next one begins behind what was shown.
  let shown = 0;
  for (const snapshot of snapshots) {
    const events: StateEvent[] = [];
    const onEvent = (event: StateEvent): void =>
      void (event.sequence > shown && isWanted(event, filter) && events.push(event));
    const state = await restoreState(snapshot.chunks, { onEvent });
    for await (const [sequence, line] of recordedLines(options, state, filter)) {
      if (sequence <= shown) continue;
      shown = sequence;
      yield line;
    }
    const replay = new Replay(state);
    const records = follows ? followLog(options, () => sleep(FOLLOW_MS)) : scanLog(options);
    for await (const record of records) {
      replay.add(record);
      for (const event of events.splice(0)) {
        shown = event.sequence;
        yield lineOf(event);
      }
    }
    if (!replay.gap) return;
  }
  throw noSnapshot(options);
}

async function* recordedLines(
  options: ScanOptions,
  state: ReplicatedState,
  filter: EventFilter,
): AsyncGenerator<[sequence: number, line: string]> {
  const { types, sinceMs } = filter;
  const isTyped = (type: string): boolean => types.length === 0 || types.includes(type);
  const matches = ({ model, record }: RecordedVersion): boolean =>
    isAbout(model, record.id, filter) && record.events.some(isTyped);
  const upToSequence = state.eventSequence;
  for await (const version of recordedVersions(options, state, {
    matches,
    sinceMs,
    upToSequence,
  })) {
    const { sequence, events } = version.record;
    for (const [at, type] of events.entries()) {
      if (isTyped(type)) yield [sequence + at, recordedLine(version, type, sequence + at)];
    }
  }
}

/** As of an event of the log, with what is recorded of it. */
function recordedLine({ model, record }: RecordedVersion, type: string, sequence: number): string {
  const { id, version, effect, index, timeMs, actor, json } = record;
  const head = {
    eventId: eventId(model, id, version, effect, type),
    sequence,
    index,
    type,
    effect,
    model,
    id,
    version,
    ...(actor && { actor }),
    timestamp: new Date(timeMs).toISOString(),
  };
  return `${JSON.stringify(head).slice(0, -1)},"data":${json ?? 'null'}}`;
}

/**
 * The state that a data directory amounts to: its oldest sound snapshot, and the log behind it;
 * null where there was no snapshot yet.
 *
 * @throws CliError, LogError
 */
export async function replayed(options: ScanOptions): Promise<ReplicatedState | null> {
  const snapshots = await scanSnapshots(options);
  if (snapshots.length === 0) return null;
  for (const snapshot of snapshots) {
    const state = await restoreState(snapshot.chunks);
    const replay = new Replay(state);
    for await (const record of scanLog(options)) replay.add(record);
    if (!replay.gap) return state;
  }
  throw noSnapshot(options);
}

function noSnapshot({ dir }: ScanOptions): CliError {
  return new CliError(`${dir}: no snapshot reaches to the entries of the log`, EXIT.dataRefused);
}

function isWanted({ model, type, id, timestampMs }: StateEvent, filter: EventFilter): boolean {
  const { types, sinceMs } = filter;
  if (types.length > 0 && !types.includes(type)) return false;
  return isAbout(model, id, filter) && (sinceMs === null || timestampMs >= sinceMs);
}

function isAbout(model: string, id: string, { models, aggregate }: EventFilter): boolean {
  if (models.length > 0 && !models.includes(model)) return false;
  return aggregate === null || aggregate === id;
}

/** Applies what is committed, in order; entries behind the commit index wait. */
class Replay {
  readonly #state: ReplicatedState;
  readonly #waiting = new Map<number, RawRecord>();
  #commit = 0;
  gap = false;

  constructor(state: ReplicatedState) {
    this.#state = state;
  }

  add(record: RawRecord): void {
    if (record.kind === 'hardState') this.#commit = Math.max(this.#commit, record.index);
    if (record.kind === 'reset' && record.index > this.#state.appliedIndex) this.gap = true;
    if (isEntry(record) && record.index > this.#state.appliedIndex) {
      this.#waiting.set(record.index, record);
    }
    if (!this.gap) this.#apply();
  }

  #apply(): void {
    for (;;) {
      const next = this.#state.appliedIndex + 1;
      const record = this.#waiting.get(next);
      if (record === undefined || next > this.#commit) return;
      this.#waiting.delete(next);
      this.#applyOne(record);
    }
  }

  #applyOne({ kind, index, term, data }: RawRecord): void {
    if (kind === 'entry') {
      this.#state.apply(index, term, data);
      return;
    }
    const context = kind === 'confChangeV2' ? decodeConfChangeV2(data).context : NO_BYTES;
    if (context.length === 0) this.#state.apply(index, term, NO_BYTES);
    else this.#state.applyMember(index, term, context);
  }
}

function isEntry({ kind }: RawRecord): boolean {
  return kind === 'entry' || kind === 'confChange' || kind === 'confChangeV2';
}

function lineOf(event: StateEvent): string {
  const { json, timestampMs, effect, before: _, ...rest } = event;
  const id = eventId(event.model, event.id, event.version, effect, event.type);
  const head = { eventId: id, ...rest, timestamp: new Date(timestampMs).toISOString() };
  return `${JSON.stringify(head).slice(0, -1)},"data":${json ?? 'null'}}`;
}
