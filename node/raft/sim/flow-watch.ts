import type { Entry, Message } from '../src/index.ts';
import { NO_LIMIT } from '../src/index.ts';
import type { MemberPlan } from './plan.ts';
import { demand } from './violation.ts';

interface Flight {
  readonly last: number;
  readonly bytes: number;
}

/**
 * The limits of the configuration, counted from outside and never too strictly: in
 * bytes of payload, which is less than what the core counts.
 */
export class FlowWatch {
  readonly #plan: MemberPlan;
  /** App messages with entries that are under way to each member, as a leader. */
  readonly #windows = new Map<number, Flight[]>();
  /** The highest index that each member has acknowledged to this leader. */
  readonly #acknowledged = new Map<number, number>();
  #uncommitted = 0;
  #applying = 0;

  constructor(plan: MemberPlan) {
    this.#plan = plan;
  }

  elected(): void {
    this.#windows.clear();
    this.#acknowledged.clear();
    this.#uncommitted = 0;
  }

  /** A leader sends entries. */
  appended(message: Message): void {
    const { entries } = message;
    const last = entries.at(-1);
    if (last === undefined) return;
    const bytes = payload(entries);
    demand(
      entries.length === 1 || bytes <= this.#plan.maxSizePerMsg,
      'maxSizePerMsg',
      () => `${bytes} bytes in ${entries.length} entries`,
    );
    const window = this.#windows.get(message.to) ?? [];
    // What does not continue the window is a probe, which begins a new one.
    if (window.at(-1)?.last !== message.index) window.length = 0;
    this.#checkRoom(window);
    this.#windows.set(message.to, window);
    // Without asyncStorageWrites the answer to an earlier copy may have overtaken this one.
    if (last.index > (this.#acknowledged.get(message.to) ?? 0)) {
      window.push({ last: last.index, bytes });
    }
  }

  #checkRoom(window: readonly Flight[]): void {
    const { maxInflightMsgs, maxInflightBytes } = this.#plan;
    demand(
      window.length < maxInflightMsgs,
      'maxInflightMsgs',
      () => `one more than ${window.length} messages under way`,
    );
    if (maxInflightBytes === 0 || maxInflightBytes === NO_LIMIT) return;
    const bytes = window.reduce((sum, flight) => sum + flight.bytes, 0);
    demand(bytes < maxInflightBytes, 'maxInflightBytes', () => `${bytes} bytes under way`);
  }

  /** A snapshot is sent: the window begins anew after it. */
  restarted(id: number): void {
    this.#windows.delete(id);
  }

  acknowledged(message: Message): void {
    const { from, index, reject } = message;
    const known = this.#acknowledged.get(from) ?? 0;
    if (!reject && index > known) this.#acknowledged.set(from, index);
    const window = this.#windows.get(from);
    if (window === undefined) return;
    if (reject) {
      window.length = 0;
      return;
    }
    while (window[0] !== undefined && window[0].last <= index) window.shift();
  }

  /** A leader has taken proposals. */
  proposed(payloads: readonly Uint8Array[]): void {
    const limit = this.#plan.maxUncommittedEntriesSize;
    let bytes = 0;
    for (const data of payloads) bytes += data.length;
    const total = this.#uncommitted + bytes;
    demand(
      limit === 0 || this.#uncommitted === 0 || bytes === 0 || total <= limit,
      'maxUncommittedEntriesSize',
      () => `${bytes} bytes are taken on top of ${this.#uncommitted}`,
    );
    this.#uncommitted = total;
  }

  handedOut(entries: readonly Entry[]): void {
    if (entries.length === 0) return;
    const bytes = payload(entries);
    const { maxCommittedSizePerReady, maxSizePerMsg } = this.#plan;
    const limit = maxCommittedSizePerReady || maxSizePerMsg;
    demand(
      (entries.length === 1 || bytes <= limit) && this.#applying < limit,
      'maxCommittedSizePerReady',
      () => `${bytes} bytes are handed out on top of ${this.#applying}`,
    );
    this.#applying += bytes;
  }

  /** The core has heard that entries are applied. */
  applied(entries: readonly Entry[]): void {
    const bytes = payload(entries);
    this.#applying -= bytes;
    this.#uncommitted = Math.max(0, this.#uncommitted - bytes);
  }
}

function payload(entries: readonly Entry[]): number {
  let bytes = 0;
  for (const entry of entries) bytes += entry.data.length;
  return bytes;
}
