import { createHash } from 'node:crypto';
import { canonicalJson } from '@lithair/crds';
import { ByteWriter, writeColdObject, writeDigests, writeMember } from '../entry/index.ts';
import {
  type CapturedGeneration,
  formerText,
  type HotHistory,
  writeModelVersion,
} from '../history/index.ts';
import type { DedupRecord } from './dedup.ts';
import type { OrderedOutbox } from './local-writes.ts';
import type { ModelState } from './model-state.ts';
import { writeOutcome } from './outcome-codec.ts';
import { type BodyFile, type FrozenSlabs, SharedFile } from './slab/index.ts';
import type { ReplicatedState } from './state.ts';

/** Format of the chunks; another one is refused. */
export const SNAPSHOT_FORMAT = 3;

/** What a chunk holds. Positions are part of the format: append only. */
export const SECTIONS = ['head', 'rows', 'graves', 'outcomes', 'history', 'outboxes'] as const;
export type Section = (typeof SECTIONS)[number];

/** A chunk ends with the item that makes it this large, or with this many items. */
const CHUNK_BYTES = 768 * 1024;
const CHUNK_ITEMS = 2500;
/** Before each chunk in the file: its length and its checksum. */
export const CHUNK_FRAME_BYTES = 8;

/**
 * A state at one index, to be written while later entries are applied. Taking one copies tables of
 * references alone; rows are copied as chunks are asked for, a bounded number at a time. A chunk
 * is at most 1 MiB, unless one row alone is larger than a quarter of that, and is valid until the
 * next one is asked for. Fewer and larger ones are over sooner where the event loop has much to do,
 * and what is written meanwhile is memory; making one takes some milliseconds.
 *
 * Equal states have equal snapshots, byte for byte: rows and graves come in the order of their ids.
 * It can be read once; until then it keeps memory that the state could use again.
 */
export class StateSnapshot implements Iterable<Uint8Array> {
  readonly appliedIndex: number;
  private readonly head: Uint8Array;
  private readonly states: readonly ModelState[];
  private readonly models: readonly FrozenSlabs[];
  private readonly outcomes: Iterable<DedupRecord>;
  private readonly history: readonly CapturedGeneration[];
  private readonly outboxes: readonly OrderedOutbox[];

  constructor(state: ReplicatedState, history: 'resident' | 'active' = 'resident') {
    this.appliedIndex = state.appliedIndex;
    this.states = state.modelStates();
    this.models = this.states.map(({ store }) => store.freeze(state.eventSequence));
    this.outcomes = state.outcomes();
    this.outboxes = state.localWrites.list();
    this.history = state.history.capture(history);
    this.head = encodeHead(state, this.models, state.outcomeCount, this.history);
  }

  *[Symbol.iterator](): Generator<Uint8Array, void, undefined> {
    try {
      yield this.head;
      let chunkAt = CHUNK_FRAME_BYTES + this.head.length;
      for (const [at, model] of this.models.entries()) {
        const write = (writer: ByteWriter, row: number) => {
          model.write(writer, row, chunkAt + CHUNK_FRAME_BYTES);
        };
        for (const chunk of modelChunks(model, at, write)) {
          const { length } = chunk;
          yield chunk;
          chunkAt += CHUNK_FRAME_BYTES + length;
        }
      }
      yield* chunks('outcomes', 0, this.outcomes, writeRecord);
      for (const { number, versions } of this.history) {
        yield* chunks('history', number, versions, writeModelVersion);
      }
      yield* chunks('outboxes', 0, this.outboxes, writeOutbox);
    } finally {
      this.release();
    }
  }

  /** Whether there are models that leave bodies to the file that this was written to. */
  get wantsBodies(): boolean {
    return this.models.some(({ places }) => places !== null);
  }

  /** Leaves bodies to that file, which is closed when nobody needs it any more. */
  leaveTo(file: BodyFile): void {
    const shared = new SharedFile(file);
    for (const [at, { store }] of this.states.entries()) {
      const frozen = this.models[at];
      if (frozen !== undefined) store.leaveTo(shared, frozen);
    }
    shared.drop();
  }

  /** Takes a slice of the rows over to the file that their bodies are left to; true once all are. */
  coolSome(): boolean {
    return this.states.every(({ store }) => store.coolSome());
  }

  /** Must be called where it was not read to its end. Does nothing a second time. */
  release(): void {
    for (const model of this.models) model.release();
  }
}

/**
 * A hash (sha256, hex) of everything replicated: equal on members that applied the same entries,
 * and after a restore. It reads the whole state, so it is for tests and for audits.
 */
export function stateHash(state: ReplicatedState): string {
  const hash = createHash('sha256');
  for (const chunk of new StateSnapshot(state, 'active')) hash.update(chunk);
  return hash.digest('hex');
}

function encodeHead(
  state: ReplicatedState,
  models: readonly FrozenSlabs[],
  outcomes: number,
  history: readonly CapturedGeneration[],
): Uint8Array {
  const writer = new ByteWriter();
  begin(writer, 'head');
  writer.text(state.clusterId);
  for (const number of [
    state.epoch,
    state.schemaVersion,
    state.appliedIndex,
    state.logTimeMs,
    state.eventSequence,
    state.applyVersion,
  ]) {
    writer.varint(number);
  }
  writer.text(canonicalJson(state.schema));
  const { pendingChange } = state;
  writer.byte(pendingChange === null ? 0 : 1);
  if (pendingChange !== null) writer.text(canonicalJson(pendingChange.schema));
  const members = state.members();
  writer.varint(members.length);
  for (const member of members) writeMember(writer, member);
  const removed = state.removedMemberIds();
  writer.varint(removed.length);
  for (const id of removed) writer.varint(id);
  writer.varint(models.length);
  for (const { size, graves } of models) {
    writer.varint(size);
    writer.varint(graves);
  }
  writer.varint(outcomes);
  writeGenerations(writer, state.history, history);
  return writer.take();
}

/** Nothing where there never was any history, as in snapshots from before there could be. */
function writeGenerations(
  writer: ByteWriter,
  history: HotHistory,
  captured: readonly CapturedGeneration[],
): void {
  const [first] = captured;
  const isUnused = captured.length === 1 && first?.number === 1 && first.versions.length === 0;
  if (isUnused && history.formerRules.length === 0) return;
  writer.varint(history.floor);
  writeDigests(writer, history.digests);
  const ends = history.chainEnds();
  writer.varint(ends.length);
  for (const { model, position, link } of ends) {
    writer.text(model);
    writer.varint(position);
    writer.text(link);
  }
  writer.varint(captured.length);
  for (const { number, versions } of captured) {
    writer.varint(number);
    writer.varint(versions.length);
  }
  // From apply version 5 on: members that do not know it cannot have either.
  if (history.formerRules.length === 0 && history.coldModels().length === 0) return;
  writeFormer(writer, history);
  writeCold(writer, history);
}

function writeFormer(writer: ByteWriter, { formerRules }: HotHistory): void {
  writer.varint(formerRules.length);
  for (const { model, rules, untilIndex, untilMs } of formerRules) {
    writer.text(model);
    writer.text(formerText(rules));
    writer.varint(untilIndex);
    writer.varint(untilMs);
  }
}

function writeCold(writer: ByteWriter, history: HotHistory): void {
  const models = history.coldModels();
  writer.varint(models.length);
  for (const model of models) {
    const objects = history.coldOf(model);
    writer.text(model);
    writer.varint(objects.length);
    for (const object of objects) writeColdObject(writer, object);
  }
}

function begin(writer: ByteWriter, section: Section): void {
  writer.varint(SNAPSHOT_FORMAT);
  writer.byte(SECTIONS.indexOf(section));
}

function* modelChunks(
  model: FrozenSlabs,
  at: number,
  write: (writer: ByteWriter, row: number) => void,
): Generator<Uint8Array, void, undefined> {
  yield* chunks('rows', at, model.numbers('row'), write);
  yield* chunks('graves', at, model.numbers('grave'), write);
}

/** A chunk is: format, section, model or generation, then for each item a byte 1 and the item, then a byte 0. */
function* chunks<T>(
  section: Section,
  model: number,
  items: Iterable<T>,
  write: (writer: ByteWriter, item: T) => void,
): Generator<Uint8Array, void, undefined> {
  const writer = new ByteWriter();
  let count = 0;
  for (const item of items) {
    if (count === 0) {
      begin(writer, section);
      writer.varint(model);
    }
    writer.byte(1);
    write(writer, item);
    count += 1;
    if (count < CHUNK_ITEMS && writer.length < CHUNK_BYTES) continue;
    writer.byte(0);
    yield writer.view();
    count = 0;
  }
  if (count === 0) return;
  writer.byte(0);
  yield writer.view();
}

function writeOutbox(writer: ByteWriter, { memberId, sequence, stamp }: OrderedOutbox): void {
  for (const number of [memberId, sequence, stamp.wallMs, stamp.counter]) writer.varint(number);
}

function writeRecord(writer: ByteWriter, record: DedupRecord): void {
  writer.text(record.scope);
  writer.text(record.fingerprint);
  writer.varint(record.timeMs);
  writeOutcome(writer, record.outcome);
}
