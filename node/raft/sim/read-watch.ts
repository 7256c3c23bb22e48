import type { Message, Ready } from '../src/index.ts';
import { MessageType, ReadOnlyOption } from '../src/index.ts';
import { describeConf, isQuorum } from './membership-model.ts';
import type { Surroundings, View } from './surroundings.ts';
import { demand } from './violation.ts';

/** Checks the answers to ReadIndex requests of one member. */
export class ReadWatch {
  readonly #around: Surroundings;
  readonly #view: View;
  /** When the newest heartbeat answer of each member was made, by number of the event. */
  readonly #confirmed = new Map<number, number>();

  constructor(around: Surroundings, view: View) {
    this.#around = around;
    this.#view = view;
  }

  /** What was confirmed to the leader of another term does not count. */
  elected(): void {
    this.#confirmed.clear();
  }

  /** Notes when the answer to a heartbeat was made, before it is stepped. */
  confirm(message: Message, made: number): void {
    if (message.type !== MessageType.HeartbeatResp || message.term !== this.#view.status.term)
      return;
    const known = this.#confirmed.get(message.from) ?? 0;
    if (made > known) this.#confirmed.set(message.from, made);
  }

  /** Checks every answer that a Ready gives. */
  readied(ready: Ready): void {
    const view = this.#view;
    for (const message of ready.messages) {
      if (message.type !== MessageType.ReadIndexResp) continue;
      const request = message.entries[0];
      if (request !== undefined) this.#checkAnswer(request.data, message.index, message.term);
    }
    for (const { requestCtx, index } of ready.readStates) {
      if (view.leads && view.exact) this.#checkAnswer(requestCtx, index, view.status.term);
      const read = this.#around.ledger.answer(readNumber(requestCtx));
      const known = read?.requester === view.id;
      demand(known, 'reads are answered to whom they belong', () => `${view.id} got another's`);
      this.#checkLinearizable(requestCtx, index, false);
    }
  }

  /** An answer that this member gives as leader. */
  #checkAnswer(context: Uint8Array, index: number, term: number): void {
    const { ledger, plan } = this.#around;
    const view = this.#view;
    const lease = plan.readOnlyOption === ReadOnlyOption.LeaseBased;
    this.#checkLinearizable(context, index, lease && ledger.highestLeaderTerm <= term);
    if (!view.exact || !view.leads || term !== view.status.term) return;
    const committed = view.mirror.at(view.status.commit)?.entry.term;
    demand(
      committed === term,
      'no read before the first commit of the term',
      () => `${view.id} answers with ${index} in term ${term}, committed ${committed}`,
    );
    if (lease) return;
    const since = ledger.reads.get(readNumber(context))?.event ?? 0;
    demand(
      isQuorum(view.conf, (id) => id === view.id || (this.#confirmed.get(id) ?? 0) >= since),
      'a quorum confirms the leader of a read',
      () => `${view.id} answers a read with ${index} in ${describeConf(view.conf)}`,
    );
  }

  /** Leases are as right as clocks, so `always` tells whether they must be right here. */
  #checkLinearizable(context: Uint8Array, index: number, always: boolean): void {
    const { ledger, plan } = this.#around;
    const read = ledger.reads.get(readNumber(context));
    if (read === undefined) return;
    if (!always && plan.readOnlyOption === ReadOnlyOption.LeaseBased) return;
    demand(
      index >= read.floor && index <= ledger.maxCommit,
      'linearizable reads',
      () => `a read at ${index} although ${read.floor} was committed before it was asked`,
    );
  }
}

/** The number that a client has put into the context of its read. */
export function readNumber(context: Uint8Array): number {
  return new DataView(context.buffer, context.byteOffset, context.length).getUint32(0);
}
