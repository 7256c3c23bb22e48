import type { Entry, HardState, Message, Snapshot } from 'etcd-raft-ts';
import type { SaveRequest } from '../log/index.ts';
import type { ReplicatedLog } from './ports.ts';

interface Append {
  readonly message: Message;
  saved: boolean;
}

/** What an {@link AppendQueue} needs of its owner. */
export interface AppendOwner {
  /** Delivers the responses of a durable append. */
  deliver(responses: readonly Message[]): void;
  /** Replaces the state by that of the snapshot, which the log holds by now. */
  install(snapshot: Snapshot): Promise<void>;
  /** Entries are durable. */
  stored(entries: readonly Entry[]): void;
  fail(error: unknown): void;
}

/**
 * The storage thread for appends: requests go to the log at once, and their responses out in the
 * same order once they are durable, a snapshot's only once the state has been restored from it.
 */
export class AppendQueue {
  readonly #log: ReplicatedLog;
  readonly #owner: AppendOwner;
  readonly #queue: Append[] = [];
  #installing = false;
  /** Newer than what the log has, by its commit index only. */
  #hardState: HardState | null = null;
  #lastSaved: HardState | null = null;

  constructor(log: ReplicatedLog, owner: AppendOwner) {
    this.#log = log;
    this.#owner = owner;
  }

  push(message: Message): void {
    const append: Append = { message, saved: false };
    this.#queue.push(append);
    const request = this.#requestOf(message);
    if (request === null) append.saved = true;
    else {
      this.#log.save(request, () => {
        append.saved = true;
        this.#owner.stored(message.entries);
        this.#drain();
      });
    }
    this.#drain();
  }

  /** Writes down the commit index that was only remembered so far. */
  flush(): void {
    if (this.#hardState === null) return;
    this.#log.save({ hardState: this.#hardState }, () => {});
    this.#hardState = null;
  }

  /**
   * A commit index alone needs no sync: it can be learned again (Raft paper, figure 2). It goes to
   * disk with the next request, so that it never costs one of its own.
   */
  #requestOf(message: Message): SaveRequest | null {
    const { term, vote, commit, entries, snapshot } = message;
    const previous = this.#hardState ?? this.#lastSaved;
    const voted = term !== 0 && (previous?.term !== term || previous.vote !== vote);
    if (term !== 0) this.#hardState = { term, vote, commit };
    if (entries.length === 0 && snapshot === null && !voted) return null;
    const hardState = this.#hardState;
    this.#hardState = null;
    this.#lastSaved = hardState ?? this.#lastSaved;
    return { entries, hardState, snapshot: snapshot?.metadata ?? null };
  }

  #drain(): void {
    for (let head = this.#queue[0]; head?.saved && !this.#installing; head = this.#queue[0]) {
      if (head.message.snapshot !== null) {
        this.#installing = true;
        this.#install(head.message, head.message.snapshot).catch((error: unknown) =>
          this.#owner.fail(error),
        );
        return;
      }
      this.#queue.shift();
      this.#owner.deliver(head.message.responses);
    }
  }

  async #install(message: Message, snapshot: Snapshot): Promise<void> {
    await this.#owner.install(snapshot);
    this.#installing = false;
    this.#queue.shift();
    this.#owner.deliver(message.responses);
    this.#drain();
  }
}
