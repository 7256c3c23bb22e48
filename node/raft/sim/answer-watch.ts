import type { BasicStatus, Message } from '../src/index.ts';
import { MessageType, NONE } from '../src/index.ts';
import type { View } from './surroundings.ts';
import { describeStatus } from './surroundings.ts';
import { demand } from './violation.ts';

/** Checks what one member answers to (pre-)vote requests and to entries. */
export class AnswerWatch {
  readonly #view: View;
  /** The request that was stepped last, as long as its answer is to come. */
  #request: { readonly from: number; readonly grantable: boolean } | null = null;

  /** The entries that were stepped last: how far an acknowledgement may go. */
  #append: { readonly from: number; readonly limit: number } | null = null;

  constructor(view: View) {
    this.#view = view;
  }

  /** Something else was stepped. */
  stepped(): void {
    this.#request = null;
    this.#append = null;
  }

  /** A follower acknowledges what is known to agree with its leader, not all that it has. */
  appended({ from, index, entries, snapshot }: Message): void {
    const { status, exact } = this.#view;
    if (!exact) return;
    const known = Math.max(index + entries.length, snapshot?.metadata.index ?? 0);
    this.#append = { from, limit: Math.max(known, status.commit) };
  }

  /** `inLease` tells whether a leader was heard from so lately that nobody may take over. */
  requested(before: BasicStatus, cause: Message, inLease: boolean): void {
    const { id, status, exact } = this.#view;
    const same = status.term === before.term && status.vote === before.vote;
    const refused = inLease && cause.term > before.term && cause.context.length === 0;
    demand(
      !refused || same,
      'no vote while a leader is alive',
      () => `${id} leaves term ${before.term} for ${cause.from} in term ${cause.term}`,
    );
    demand(
      cause.type === MessageType.Vote || same,
      'a pre-vote changes nothing',
      () => `${id} ${describeStatus(before)} -> ${describeStatus(status)}`,
    );
    // Only when the mirror shows the log that the request was compared with.
    if (!exact) return;
    const grantable = !refused && this.#isUpToDate(cause) && isFree(before, cause);
    this.#request = { from: cause.from, grantable };
  }

  #isUpToDate({ index, logTerm }: Message): boolean {
    const { mirror } = this.#view;
    const lastTerm = mirror.at(mirror.last)?.entry.term ?? 0;
    return logTerm > lastTerm || (logTerm === lastTerm && index >= mirror.last);
  }

  /** Looks at what a Ready answers. */
  readied(messages: readonly Message[]): void {
    if (!this.#view.exact || (this.#request === null && this.#append === null)) return;
    for (const message of messages) {
      const answers = message.responses.length > 0 ? message.responses : [message];
      for (const answer of answers) if (!answer.reject) this.#checkAnswer(answer);
    }
  }

  #checkAnswer({ type, to, index }: Message): void {
    const { id } = this.#view;
    const append = this.#append;
    demand(
      append === null ||
        type !== MessageType.AppResp ||
        to !== append.from ||
        index <= append.limit,
      'acknowledged entries are those of the leader',
      () => `${id} acknowledges ${index}, the message was about ${append?.limit}`,
    );
    const request = this.#request;
    const vote = type === MessageType.VoteResp || type === MessageType.PreVoteResp;
    if (request === null || !vote || to !== request.from || to === id) return;
    demand(
      request.grantable,
      'votes are given once, and to logs that are up to date',
      () => `${id} votes for ${to}, whose log is behind, or which comes too late`,
    );
  }
}

function isFree(before: BasicStatus, cause: Message): boolean {
  if (cause.term > before.term || before.vote === cause.from) return true;
  return before.vote === NONE && before.lead === NONE;
}
