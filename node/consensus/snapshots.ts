import type { ConfState, Message, SnapshotMetadata, SnapshotStatus } from 'etcd-raft-ts';
import { NO_BYTES } from 'etcd-raft-ts';
import type { Logger } from '../ports/index.ts';
import type { ConsensusOptions } from './options.ts';
import type { PeerTransport, ReplicatedLog, StateChunks } from './ports.ts';

/** The applied state, and where in the log it stands. */
export interface SnapshotSource {
  position(): SnapshotMetadata;
  chunks(): StateChunks;
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

  constructor(
    log: ReplicatedLog,
    transport: PeerTransport,
    source: SnapshotSource,
    options: ConsensusOptions,
    logger: Logger,
  ) {
    this.#log = log;
    this.#transport = transport;
    this.#source = source;
    this.#options = options;
    this.#logger = logger;
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

  /** Takes a leader's snapshot; resolves once it is verified and the core knows of it. */
  async receive(message: Message, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    if (this.#receiving) throw new Error('another snapshot is being received');
    // Its file is still to be put in place, or the state is read from it.
    if (this.#source.installing()) throw new Error('another snapshot is being installed');
    this.#receiving = true;
    try {
      const { metadata, bytes } = await this.#log.receiveSnapshot(chunks);
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
    const { bytes, durationMs } = result;
    this.#logger.info({ index: metadata.index, bytes, durationMs }, 'wrote a snapshot');
    const upTo = metadata.index - this.#options.snapshotTail;
    if (upTo >= this.#log.firstIndex()) this.#log.compact(upTo);
    return metadata;
  }

  #snapshotIndex(): number {
    return this.#log.snapshot().metadata.index;
  }

  async #send(message: Message): Promise<void> {
    // The receiver takes part from the snapshot on, so the snapshot must know it.
    if (!names(this.#log.snapshot().metadata.confState, message.to)) await this.take();
    const stream = await this.#log.openSnapshotStream();
    if (stream === null) throw new Error('there is no snapshot');
    const { metadata, bytes } = stream;
    this.#logger.info({ peer: message.to, index: metadata.index, bytes }, 'sending a snapshot');
    const snapshot = { data: NO_BYTES, metadata };
    try {
      await this.#transport.sendSnapshot(message.to, { ...message, snapshot }, stream.chunks);
    } finally {
      await stream.close();
    }
  }
}

function names(confState: ConfState, id: number): boolean {
  const { voters, learners, votersOutgoing } = confState;
  return voters.includes(id) || learners.includes(id) || votersOutgoing.includes(id);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
