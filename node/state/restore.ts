import { parseSchema, type Schema } from '@lithair/crds';
import {
  APPLY_VERSION,
  ByteReader,
  EntryError,
  readColdObject,
  readDigests,
  readMember,
} from '../entry/index.ts';
import { readFormer, readModelVersion } from '../history/index.ts';
import { requireSupported } from './apply-version.ts';
import type { DedupRecord } from './dedup.ts';
import { StateError } from './errors.ts';
import { MemberTable } from './member-table.ts';
import type { ModelState } from './model-state.ts';
import { readOutcome } from './outcome-codec.ts';
import { type BodyFile, SharedFile } from './slab/index.ts';
import { CHUNK_FRAME_BYTES, SECTIONS, type Section, SNAPSHOT_FORMAT } from './snapshot.ts';
import { ReplicatedState, type StateOptions } from './state.ts';

/**
 * Builds a state from the chunks of a snapshot, indexes included.
 *
 * @throws StateError `bad_snapshot` where they are malformed, incomplete or of another format,
 * `apply_version` where this member cannot follow what is in force
 */
export async function restoreState(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: StateOptions = {},
): Promise<ReplicatedState> {
  const restorer = new StateRestorer(options);
  try {
    for await (const chunk of chunks) {
      restorer.add(chunk);
      if (restorer.wantsBodies) restorer.loadFrom((await options.openBodies?.()) ?? null);
    }
    return restorer.finish();
  } finally {
    restorer.end();
  }
}

/**
 * The schema in force in a snapshot, and the one that is being prepared where there is one, from its
 * head alone.
 *
 * @throws StateError `bad_snapshot`, `apply_version`
 */
export async function schemasOfSnapshot(
  chunks: AsyncIterable<Uint8Array>,
): Promise<readonly Schema[]> {
  for await (const chunk of chunks) {
    const reader = new ByteReader(chunk);
    if (sectionOf(reader) !== 'head') break;
    const { schema, pendingSchema } = readHeadStart(reader, APPLY_VERSION);
    return pendingSchema === null ? [schema] : [schema, pendingSchema];
  }
  throw bad('it has no head');
}

/** Counts that the head announces, so that a snapshot that lacks its end is refused. */
interface Announced {
  readonly rows: number;
  readonly graves: number;
}

class StateRestorer {
  private readonly options: StateOptions;
  private state: ReplicatedState | undefined;
  private models: readonly ModelState[] = [];
  private announced: readonly Announced[] = [];
  private outcomes = 0;
  /** Where the chunk at hand begins in the file. */
  private chunkAt = 0;
  private bodies: SharedFile | 'unknown' | null = 'unknown';
  /** Number and count of versions of each generation of history. */
  private generations: readonly (readonly [number, number])[] = [];

  constructor(options: StateOptions) {
    this.options = options;
  }

  /** Whether a file is to be named that bodies may be left to. */
  get wantsBodies(): boolean {
    return this.bodies === 'unknown' && this.models.some(({ schema }) => schema.adaptive);
  }

  /** The file that the chunks come from; null where there is none. */
  loadFrom(file: BodyFile | null): void {
    this.bodies = file && new SharedFile(file);
    if (this.bodies === null) return;
    for (const { store } of this.models) store.loadFrom(this.bodies);
  }

  /** Nothing more comes. */
  end(): void {
    for (const { store } of this.models) store.endLoading();
    if (this.bodies instanceof SharedFile) this.bodies.drop();
  }

  add(chunk: Uint8Array): void {
    try {
      this.chunkAt += CHUNK_FRAME_BYTES;
      this.addChunk(new ByteReader(chunk), chunk);
      this.chunkAt += chunk.length;
    } catch (error) {
      if (error instanceof EntryError || error instanceof SyntaxError) throw bad(error.message);
      throw error;
    }
  }

  finish(): ReplicatedState {
    const { state } = this;
    if (state === undefined) throw bad('it has no head');
    for (const [at, { rows, graves }] of this.announced.entries()) {
      const model = this.models[at];
      const found = model?.statistics;
      if (found?.rows !== rows || found.graves !== graves) {
        throw bad(`model ${model?.schema.name} is not complete`);
      }
    }
    if (state.outcomeCount !== this.outcomes) throw bad('kept outcomes are not complete');
    this.requireHistory(state);
    state.resumePreparation();
    return state;
  }

  private requireHistory({ history }: ReplicatedState): void {
    for (const [number] of this.generations) history.begin(number);
    for (const [number, count] of this.generations) {
      const found = history.resident.find((generation) => generation.number === number);
      if ((found?.count ?? 0) !== count) throw bad(`generation ${number} is not complete`);
    }
  }

  private addChunk(reader: ByteReader, chunk: Uint8Array): void {
    const section = sectionOf(reader);
    if (section === 'head') this.readHead(reader);
    else this.readItems(section, reader, this.chunkAt - chunk.byteOffset);
    reader.end();
  }

  /** @param shift from a place in the memory of the chunk to one in the file */
  private readItems(section: Exclude<Section, 'head'>, reader: ByteReader, shift: number): void {
    const { state } = this;
    if (state === undefined) throw bad('its head is not first');
    if (section === 'history') return this.readHistory(state, reader);
    if (section === 'outboxes') return readOutboxes(state, reader);
    const model = this.models[reader.varint()];
    if (model === undefined) throw bad('a chunk is of an unknown model');
    while (reader.byte() === 1) {
      if (section === 'rows') load(reader, model, 'row', shift);
      else if (section === 'graves') load(reader, model, 'grave', shift);
      else state.addOutcome(readRecord(reader));
    }
  }

  private readHistory({ history }: ReplicatedState, reader: ByteReader): void {
    const number = reader.varint();
    while (reader.byte() === 1) {
      const { model, record } = readModelVersion(reader);
      history.restore(number, model, record);
    }
  }

  private readHead(reader: ByteReader): void {
    if (this.state !== undefined) throw bad('it has two heads');
    const head = readHeadStart(reader, this.options.latestApplyVersion);
    const members = readList(reader, readMember);
    const removed = readList(reader, (from) => from.varint());
    this.announced = readList(reader, (from) => ({ rows: from.varint(), graves: from.varint() }));
    this.outcomes = reader.varint();
    this.state = new ReplicatedState(head, new MemberTable(members, removed), this.options);
    if (reader.remaining > 0) this.readGenerations(this.state, reader);
    this.models = this.state.modelStates();
    if (this.models.length !== this.announced.length) throw bad('its models are not its schema’s');
  }

  private readGenerations({ history }: ReplicatedState, reader: ByteReader): void {
    history.restoreFloor(reader.varint());
    history.learn(readDigests(reader));
    const ends = readList(reader, (from) => ({
      model: from.text(),
      position: from.varint(),
      link: from.text(),
    }));
    for (const end of ends) history.restoreChain(end);
    this.generations = readList(reader, (from) => [from.varint(), from.varint()] as const);
    if (reader.remaining === 0) return;
    history.restoreFormer(
      readList(reader, (from) => ({
        model: from.text(),
        rules: readFormer(from.text()),
        untilIndex: from.varint(),
        untilMs: from.varint(),
      })),
    );
    const cold = readList(reader, (from) => [from.text(), readList(from, readColdObject)] as const);
    for (const [model, objects] of cold) history.setCold(model, objects);
  }
}

function sectionOf(reader: ByteReader): Section {
  const format = reader.varint();
  if (format !== SNAPSHOT_FORMAT) {
    throw bad(`its format is ${format}, this binary knows ${SNAPSHOT_FORMAT}`);
  }
  const section = SECTIONS[reader.byte()];
  if (section === undefined) throw bad('a chunk has an unknown section');
  return section;
}

function readHeadStart(reader: ByteReader, latest: number | undefined) {
  return {
    clusterId: reader.text(),
    epoch: reader.varint(),
    schemaVersion: reader.varint(),
    appliedIndex: reader.varint(),
    logTimeMs: reader.varint(),
    eventSequence: reader.varint(),
    applyVersion: supported(reader.varint(), latest),
    schema: parseSchema(reader.text()),
    pendingSchema: reader.byte() === 0 ? null : parseSchema(reader.text()),
  };
}

/** Checked before anything is read that only a later binary may be able to read. */
function supported(applyVersion: number, latest: number | undefined): number {
  requireSupported(applyVersion, latest);
  return applyVersion;
}

function readOutboxes({ localWrites }: ReplicatedState, reader: ByteReader): void {
  reader.varint();
  while (reader.byte() === 1) {
    const [memberId, sequence] = [reader.varint(), reader.varint()];
    const stamp = { wallMs: reader.varint(), counter: reader.varint() };
    localWrites.restore({ memberId, sequence, stamp });
  }
}

function readList<T>(reader: ByteReader, read: (reader: ByteReader) => T): T[] {
  return Array.from({ length: reader.count(1) }, () => read(reader));
}

/** A row or a grave as it is kept: the bytes are taken over, nothing is made of them. */
function load(reader: ByteReader, model: ModelState, kind: 'row' | 'grave', shift: number): void {
  const body = reader.bytes(reader.varint());
  if (model.store.load(body, kind, body.byteOffset + shift)) return;
  throw bad(`a ${kind} of ${model.schema.name} is malformed or out of order`);
}

function readRecord(reader: ByteReader): DedupRecord {
  const scope = reader.text();
  const fingerprint = reader.text();
  const timeMs = reader.varint();
  const outcome = readOutcome(reader);
  if (outcome === null) throw bad('a kept outcome has an unknown effect');
  return { scope, fingerprint, timeMs, outcome };
}

function bad(reason: string): StateError {
  return new StateError('bad_snapshot', `this is no whole snapshot: ${reason}`);
}
