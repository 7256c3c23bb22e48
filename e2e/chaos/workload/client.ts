import type { SeededRandom } from '../random.ts';
import { pause } from '../wait.ts';
import { Exchange, type Target, type Try } from './exchange.ts';
import type { Call, Recorder } from './history.ts';
import type { WireRequest } from './http.ts';
import { requestOf, sessionRequest, ticketRequest } from './wire.ts';

export const KEYS: readonly string[] = Array.from({ length: 12 }, (_, i) => `k${i + 1}`);

/** Half of all calls go to the first three keys. */
const HOT_KEYS = KEYS.slice(0, 3);
const THINK_MS = { from: 20, to: 90 };
const MAX_TRIES = 4;
const WEIGHTS = {
  read: 35,
  session: 14,
  put: 26,
  patch: 14,
  create: 8,
  delete: 6,
  ticket: 6,
} as const;
/** Shares of the writes. */
const WITH_KEY = 0.5;
const CONDITIONAL = 0.3;
const ECHOED = 0.15;
const READ_AT_ONCE = 0.25;

/** The version of a key that this client saw last. */
interface Seen {
  readonly version: number;
  readonly etag: string;
}

/** A client that does one thing after another, each on a node of its choice. */
export class Client {
  readonly #number: number;
  readonly #random: SeededRandom;
  readonly #nodes: () => readonly Target[];
  readonly #recorder: Recorder;
  readonly #exchange: Exchange;
  readonly #seen = new Map<string, Seen>();
  #stamps = 0;
  /** The session token of the last answer; null before the first. */
  #token: string | null = null;

  /** @param nodes those that there are now */
  constructor(
    number: number,
    random: SeededRandom,
    nodes: () => readonly Target[],
    recorder: Recorder,
  ) {
    this.#number = number;
    this.#random = random;
    this.#nodes = nodes;
    this.#recorder = recorder;
    this.#exchange = new Exchange(random, nodes, recorder);
  }

  /** Works until `isOver` says so, and finishes what it began. */
  async run(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      await this.#act();
      await pause(this.#random.between(THINK_MS.from, THINK_MS.to));
    }
  }

  /** Reads a key from one node, strongly; null where it does not answer. */
  async readAt(node: Target, key: string): Promise<true | null> {
    const call: Call = { kind: 'read', value: '', stamp: '', ifMatch: null, ifAbsent: false };
    const done = await this.#exchange.try(
      requestOf(node.url, 'items', key, call, null, null),
      node,
      true,
    );
    this.#record(key, call, done, done.sent);
    return done.result.kind === 'ok' ? true : null;
  }

  close(): void {
    this.#exchange.close();
  }

  #act(): Promise<void> {
    const kind = this.#random.weighted(WEIGHTS);
    if (kind === 'ticket') return this.#ticket();
    const key = this.#random.pick(this.#random.chance(0.5) ? HOT_KEYS : KEYS);
    if (kind === 'session') return this.#session(key);
    const call = this.#draw(kind, key);
    const keyed = kind !== 'read' && this.#random.chance(WITH_KEY);
    return this.#item(key, call, keyed ? `key-${call.stamp}` : null);
  }

  #draw(kind: Call['kind'], key: string): Call {
    const stamp = this.#stamp();
    const plain = { kind, value: stamp, stamp, ifMatch: null, ifAbsent: false };
    if (kind === 'read' || kind === 'create' || !this.#random.chance(CONDITIONAL)) return plain;
    if (kind === 'put' && this.#random.chance(0.3)) return { ...plain, ifAbsent: true };
    return { ...plain, ifMatch: this.#seen.get(key)?.version ?? null };
  }

  #stamp(): string {
    this.#stamps += 1;
    return `c${this.#number}-${this.#stamps}`;
  }

  async #item(key: string, call: Call, idempotencyKey: string | null): Promise<void> {
    const etag = this.#seen.get(key)?.etag ?? null;
    const request = (node: Target): WireRequest =>
      requestOf(node.url, 'items', key, call, etag, idempotencyKey);
    const tries = await this.#tries(request, call.kind === 'read', idempotencyKey !== null);
    const { first, last, isOpen } = tries;
    this.#learn(key, last);
    if (last.result.kind === 'ok') {
      this.#record(key, call, last, first.sent);
      if (idempotencyKey !== null) await this.#echo(last, request);
      // Other nodes hear of a write a moment later: now a read could show less than it.
      if (call.kind !== 'read' && this.#random.chance(READ_AT_ONCE)) await this.#session(key);
      return;
    }
    // A refusal is that of the last try; one before it may have happened, or may happen yet.
    if (isOpen || last.result.kind === 'unknown') {
      const open: Try = { ...last, result: { kind: 'unknown', code: 'no try was answered' } };
      this.#record(key, call, last.result.kind === 'unknown' ? last : open, first.sent);
    }
    if (last.result.kind !== 'unknown') this.#record(key, call, last, last.sent);
  }

  /** Reads from any node, as fresh as what this client was told last. */
  async #session(key: string): Promise<void> {
    const token = this.#token;
    if (token === null) return;
    const request = (node: Target): WireRequest => sessionRequest(node.url, key, token);
    const { last } = await this.#tries(request, true, false);
    this.#learn(key, last);
    const { node, sent: invoked, result } = last;
    const completed = this.#recorder.now();
    const client = this.#number;
    this.#recorder.add({ kind: 'session', client, node, key, result, invoked, completed });
  }

  async #ticket(): Promise<void> {
    const stamp = this.#stamp();
    const request = (node: Target): WireRequest => ticketRequest(node.url, stamp);
    const { first, last, isOpen } = await this.#tries(request, false, true);
    const { kind } = last.result;
    const known = kind === 'ok' || (!isOpen && kind !== 'unknown');
    this.#recorder.add({
      kind: 'ticket',
      client: this.#number,
      node: last.node,
      stamp,
      result: known ? last.result : { kind: 'unknown', code: 'no try was answered' },
      invoked: first.sent,
      completed: known ? this.#recorder.now() : null,
    });
    if (kind === 'ok') await this.#echo(last, request);
  }

  /** Without a key a request is sent once; `isOpen`: a try before the last may have happened. */
  async #tries(
    request: (node: Target) => WireRequest,
    isRead: boolean,
    keyed: boolean,
  ): Promise<{ first: Try; last: Try; isOpen: boolean }> {
    const once = (): Promise<Try> => {
      const node = this.#exchange.choose();
      return this.#exchange.try(request(node), node, isRead);
    };
    const first = await once();
    let last = first;
    let isOpen = false;
    const maxTries = keyed ? MAX_TRIES : 1;
    for (let count = 1; count < maxTries; count += 1) {
      if (last.result.kind === 'ok' || last.result.kind === 'refused') break;
      isOpen ||= last.result.kind === 'unknown';
      await pause(this.#random.between(50, 250));
      last = await once();
    }
    return { first, last, isOpen };
  }

  /** Sends an answered write with a key once more: nothing may happen, and the answer is the same. */
  async #echo(answered: Try, request: (node: Target) => WireRequest): Promise<void> {
    if (!this.#random.chance(ECHOED)) return;
    const node = this.#random.pick(this.#nodes());
    const again = await this.#exchange.try(request(node), node, false);
    if (again.reply.kind !== 'answer' || again.result.kind !== 'ok') {
      if (again.result.kind === 'refused') {
        const name = request(node).headers['idempotency-key'];
        this.#recorder.problem(`${name} was answered, and then refused: ${again.result.code}`);
      }
      return;
    }
    const same = JSON.stringify(again.result) === JSON.stringify(answered.result);
    if (same && again.reply.header('idempotency-replayed') === 'true') return;
    const [before, after] = [JSON.stringify(answered.result), JSON.stringify(again.result)];
    const name = request(node).headers['idempotency-key'];
    this.#recorder.problem(`${name} was executed again: ${before}, then ${after}`);
  }

  #learn(key: string, { node, result, reply }: Try): void {
    if (result.kind !== 'ok' || reply.kind !== 'answer') return;
    const [etag, token] = [reply.header('etag'), reply.header('lithair-index')];
    if (token === null) this.#recorder.problem(`${node} answered without a session token`);
    this.#token = token ?? this.#token;
    if (result.version === null || etag === null) return;
    this.#seen.set(key, { version: result.version, etag });
  }

  #record(key: string, call: Call, { node, result }: Try, invoked: number): void {
    const completed = result.kind === 'unknown' ? null : this.#recorder.now();
    const client = this.#number;
    this.#recorder.add({ kind: 'op', client, node, key, call, result, invoked, completed });
  }
}
