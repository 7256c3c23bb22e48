import type { AckedIndexer, JointConfig } from './quorum/index.ts';
import type { Message } from './types.ts';
import { NO_BYTES } from './types.ts';

/** A read whose index is known, and which waits for a quorum to confirm the leader. */
export interface ReadRequest {
  readonly message: Message;
  /** The commit index at the time of the request. */
  readonly index: number;
}

const NO_REQUESTS: readonly ReadRequest[] = [];

/**
 * The reads of one leader in one term that are not confirmed yet (Raft thesis,
 * section 6.4), in order of arrival.
 *
 * Reads are numbered from 1. A heartbeat carries the number of the newest read, and
 * its answer confirms that read and all before it: whoever answers did not know of
 * a newer leader after the read had arrived. So the confirmed number is found like
 * a commit index, and a lost heartbeat is made good by any later one.
 */
export class ReadOnlyQueue implements AckedIndexer {
  #unconfirmed: ReadRequest[] = [];
  #confirmed = 0;
  readonly #acked = new Map<number, number>();

  /** Queues a read at the given commit index. */
  add(index: number, message: Message): void {
    this.#unconfirmed.push({ message, index });
  }

  /** Notes that `from` has confirmed what the heartbeat context says. */
  receiveAck(from: number, context: Uint8Array): void {
    if (context.length !== CONTEXT_BYTES) return;
    const view = new DataView(context.buffer, context.byteOffset, CONTEXT_BYTES);
    const number = Number(view.getBigUint64(0, true));
    this.#acked.set(from, Math.max(this.#acked.get(from) ?? 0, number));
  }

  ackedIndex(id: number): number | undefined {
    return this.#acked.get(id);
  }

  /** Takes the reads that a quorum has confirmed by now. */
  takeConfirmed(voters: JointConfig): readonly ReadRequest[] {
    const newest = this.#confirmed + this.#unconfirmed.length;
    // Nobody can confirm a read that was never asked for.
    const confirmed = Math.min(voters.committedIndex(this), newest);
    if (confirmed <= this.#confirmed) return NO_REQUESTS;
    const taken = this.#unconfirmed.splice(0, confirmed - this.#confirmed);
    this.#confirmed = confirmed;
    return taken;
  }

  /** What a heartbeat sent now has to carry; empty when no read waits. */
  heartbeatContext(): Uint8Array {
    if (this.#unconfirmed.length === 0) return NO_BYTES;
    const context = new Uint8Array(CONTEXT_BYTES);
    const newest = BigInt(this.#confirmed + this.#unconfirmed.length);
    new DataView(context.buffer).setBigUint64(0, newest, true);
    return context;
  }
}

const CONTEXT_BYTES = 8;
