import type { ConfState, Message, SnapshotMetadata, SnapshotStatus } from 'etcd-raft-ts';
import { NO_BYTES } from 'etcd-raft-ts';
import type { SnapshotPart, SnapshotStream } from '../log/index.ts';
import type { Clock, Logger } from '../ports/index.ts';
import type { ConsensusOptions } from './options.ts';
import { Pace } from './pace.ts';
import type { PeerTransport, ReplicatedLog, StateChunks } from './ports.ts';

/** The applied state, and where in the log it stands. */
export interface SnapshotSource {
  position(): SnapshotMetadata;
  chunks(): StateChunks;
  /** A state is in the current snapshot. */
  written(chunks: StateChunks): void;
  report(to: number, status: SnapshotStatus): void;
  /** Hands a Snap message whose content is in the log's hands to the core. */
  received(message: Message): void;
  /** Whether a received snapshot is on its way into log and state. */
  installing(): boolean;
}

/** Takes snapshots of the applied state, sends them to those who lag, and receives them. */
export class Snapshots {
  readonly #log: ReplicatedLog;
  readonly #transport: PeerTransport;
  readonly #source: SnapshotSource;
  readonly #options: ConsensusOptions;
  readonly #logger: Logger;
  #taking: Promise<SnapshotMetadata> | null = null;
  #lastIndex: number;
  #receiving = false;
  /** Streams that broke off, by their receiver. */
  readonly #broken = new Map<number, SnapshotStream>();
  readonly #pace: Pace;
  #closed = false;

  constructor(
    log: ReplicatedLog,
    transport: PeerTransport,
    source: SnapshotSource,
    options: ConsensusOptions,
    clock: Clock,
    logger: Logger,
  ) {
    this.#log = log;
    this.#transport = transport;
    this.#source = source;
    this.#options = options;
    this.#logger = logger;
    this.#pace = new Pace(clock, options.snapshotBytesPerSecond);
    this.#lastIndex = source.position().index;
  }

  /** Takes one where enough was applied since the last. */
  onApplied(applied: number): void {
    if (applied - this.#lastIndex < this.#options.snapshotEvery || this.#taking !== null) return;
    this.#lastIndex = applied;
    this.take().catch((error: unknown) => {
      this.#logger.error({ reason: reasonOf(error) }, 'could not write a snapshot');
    });
  }

  /** A snapshot of the state as it stands now, or that which is being written already. */
  take(): Promise<SnapshotMetadata> {
    this.#taking ??= this.#write().finally(() => {
      this.#taking = null;
    });
    return this.#taking;
  }

  /** Sends the log's snapshot in place of `message`, and tells the core what became of it. */
  send(message: Message): void {
    this.#send(message).then(
      () => this.#source.report(message.to, 'finish'),
      (error: unknown) => {
        const fields = { peer: message.to, reason: reasonOf(error) };
        this.#logger.warn(fields, 'could not send a snapshot');
        this.#source.report(message.to, 'failure');
      },
    );
  }

  /** What is here of a snapshot that broke off; null while one is on its way, or for nothing. */
  get part(): SnapshotPart | null {
    return this.#receiving ? null : this.#log.receivedPart;
  }

  /** Takes a leader's snapshot; resolves once it is verified and the core knows of it. */
  async receive(
    message: Message,
    chunks: AsyncIterable<Uint8Array>,
    offset: number,
  ): Promise<void> {
    if (this.#receiving) throw new Error('another snapshot is being received');
    // Its file is still to be put in place, or the state is read from it.
    if (this.#source.installing()) throw new Error('another snapshot is being installed');
    this.#receiving = true;
    try {
      const { metadata, bytes } = await this.#log.receiveSnapshot(chunks, offset);
      const announced = message.snapshot?.metadata;
      if (announced?.index !== metadata.index || announced.term !== metadata.term) {
        throw new Error('the snapshot is not the one that was announced');
      }
      this.#logger.info({ index: metadata.index, bytes }, 'received a snapshot');
      message.snapshot = { data: NO_BYTES, metadata };
      this.#source.received(message);
    } finally {
      this.#receiving = false;
    }
  }

  async #write(): Promise<SnapshotMetadata> {
    const metadata = this.#source.position();
    if (metadata.index === this.#snapshotIndex()) return metadata;
    this.#lastIndex = metadata.index;
    const chunks = this.#source.chunks();
    const result = await this.#log
      .writeSnapshot(metadata, chunks)
      .finally(() => chunks.release?.());
    if (result.kind === 'superseded') return metadata;
    this.#source.written(chunks);
    const { bytes, durationMs } = result;
    this.#logger.info({ index: metadata.index, bytes, durationMs }, 'wrote a snapshot');
    const upTo = metadata.index - this.#options.snapshotTail;
    if (upTo >= this.#log.firstIndex()) this.#log.compact(upTo);
    await this.#letGoOfOld();
    return metadata;
  }

  #snapshotIndex(): number {
    return this.#log.snapshot().metadata.index;
  }

  async #send(message: Message): Promise<void> {
    const { to } = message;
    const stream = await this.#streamFor(to);
    const { metadata, bytes, identity } = stream;
    const fields = { peer: to, index: metadata.index, bytes };
    const from = (offset: number): AsyncIterable<Uint8Array> => {
      this.#logger.info({ ...fields, offset }, 'sending a snapshot');
      return this.#pace.limit(stream.from(offset));
    };
    const announced = { ...message, snapshot: { data: NO_BYTES, metadata } };
    try {
      await this.#transport.sendSnapshot(to, announced, { identity, from });
    } catch (error) {
      // Whoever has a part of it goes on with this one, though there may be a newer one.
      if (this.#closed || this.#broken.has(to)) await stream.close();
      else this.#broken.set(to, stream);
      throw error;
    }
    await stream.close();
  }

  async #streamFor(to: number): Promise<SnapshotStream> {
    const broken = this.#broken.get(to);
    this.#broken.delete(to);
    if (broken !== undefined && this.#leadsOn(broken, to)) return broken;
    await broken?.close();
    // The receiver takes part from the snapshot on, so the snapshot must know it.
    if (!names(this.#log.snapshot().metadata.confState, to)) await this.take();
    const stream = await this.#log.openSnapshotStream();
    if (stream === null) throw new Error('there is no snapshot');
    return stream;
  }

  /** Whether the log still follows a snapshot that knows its receiver. */
  #leadsOn({ metadata }: SnapshotStream, to: number): boolean {
    return names(metadata.confState, to) && metadata.index >= this.#log.firstIndex() - 1;
  }

  async #letGoOfOld(): Promise<void> {
    for (const [to, stream] of this.#broken) {
      if (this.#leadsOn(stream, to)) continue;
      this.#broken.delete(to);
      await stream.close();
    }
  }

  /** Gives up what broke off. */
  async close(): Promise<void> {
    this.#closed = true;
    const streams = [...this.#broken.values()];
    this.#broken.clear();
    for (const stream of streams) await stream.close();
  }
}

function names(confState: ConfState, id: number): boolean {
  const { voters, learners, votersOutgoing } = confState;
  return voters.includes(id) || learners.includes(id) || votersOutgoing.includes(id);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
