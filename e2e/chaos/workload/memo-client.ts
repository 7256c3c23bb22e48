import type { SeededRandom } from '../random.ts';
import { pause } from '../wait.ts';
import { Exchange, type Target } from './exchange.ts';
import type { Call, Recorder, Result } from './history.ts';
import type { WireRequest } from './http.ts';
import { requestOf } from './wire.ts';

/** Rows that every node takes by itself; few, so that nodes write the same ones. */
export const MEMOS: readonly string[] = Array.from({ length: 5 }, (_, i) => `m${i + 1}`);

const THINK_MS = { from: 40, to: 160 };
const WEIGHTS = { read: 25, put: 55, patch: 10, delete: 10 } as const;
const WITH_KEY = 0.4;
const READ_AT_ONCE = 0.4;
const MAX_TRIES = 3;

/** What was sent of one memo, and what came of it. */
interface Sent {
  readonly node: string;
  readonly disk: number;
  readonly invoked: number;
  readonly result: Result;
}

/**
 * A client that writes memos, on whatever node, and reads there what it wrote. Nothing is awaited
 * of other nodes, so cut off ones take as much as others.
 */
export class MemoClient {
  readonly #number: number;
  readonly #random: SeededRandom;
  readonly #exchange: Exchange;
  readonly #recorder: Recorder;
  #stamps = 0;

  /** @param nodes those that there are now */
  constructor(
    number: number,
    random: SeededRandom,
    nodes: () => readonly Target[],
    recorder: Recorder,
  ) {
    this.#number = number;
    this.#random = random;
    this.#exchange = new Exchange(random, nodes, recorder);
    this.#recorder = recorder;
  }

  /** Works until `isOver` says so, and finishes what it began. */
  async run(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      await this.#act();
      await pause(this.#random.between(THINK_MS.from, THINK_MS.to));
    }
  }

  close(): void {
    this.#exchange.close();
  }

  async #act(): Promise<void> {
    const key = this.#random.pick(MEMOS);
    const kind = this.#random.weighted(WEIGHTS);
    const keyed = this.#random.chance(WITH_KEY);
    const readsAtOnce = this.#random.chance(READ_AT_ONCE);
    const node = this.#exchange.choose();
    if (kind === 'read') return this.#read(node, key);
    const wrote = await this.#write(node, key, kind, keyed);
    // Somebody has to begin: what is not there cannot be replaced.
    const isMissing = wrote.result.kind === 'refused' && wrote.result.code === 'not_found';
    const last =
      isMissing && kind === 'put' ? await this.#write(node, key, 'create', keyed) : wrote;
    if (last.result.kind === 'ok' && readsAtOnce) await this.#read(last.target, key);
  }

  async #read(node: Target, key: string): Promise<void> {
    const call: Call = { kind: 'read', value: '', stamp: '', ifMatch: null, ifAbsent: false };
    this.#record(key, call, await this.#send(node, key, call, null));
  }

  /** One write; with an idempotency key it may be sent to several nodes. */
  async #write(
    first: Target,
    key: string,
    kind: Call['kind'],
    keyed: boolean,
  ): Promise<Sent & { readonly target: Target }> {
    this.#stamps += 1;
    const stamp = `w${this.#number}-${this.#stamps}`;
    const call: Call = { kind, value: stamp, stamp, ifMatch: null, ifAbsent: false };
    const idempotencyKey = keyed ? `memo-${stamp}` : null;
    let target = first;
    let last = await this.#send(target, key, call, idempotencyKey);
    const { invoked } = last;
    let isOpen = false;
    const maxTries = keyed ? MAX_TRIES : 1;
    for (let tries = 1; tries < maxTries; tries += 1) {
      if (last.result.kind === 'ok' || last.result.kind === 'refused') break;
      isOpen ||= last.result.kind === 'unknown';
      await pause(this.#random.between(50, 250));
      target = this.#exchange.choose();
      last = await this.#send(target, key, call, idempotencyKey);
    }
    const isKnown = last.result.kind === 'ok' || !isOpen;
    const result: Result = isKnown ? last.result : { kind: 'unknown', code: 'no try was answered' };
    this.#record(key, call, { ...last, invoked, result });
    return { ...last, target };
  }

  async #send(
    target: Target,
    key: string,
    call: Call,
    idempotencyKey: string | null,
  ): Promise<Sent> {
    const { name: node, disk } = target;
    const request: WireRequest = requestOf(target.url, 'memos', key, call, null, idempotencyKey);
    const isRead = call.kind === 'read';
    const { sent, result } = await this.#exchange.try(request, target, isRead);
    // The disk was exchanged meanwhile: whose answer that was is not known.
    const isSame = target.disk === disk;
    const open: Result = { kind: isRead ? 'none' : 'unknown', code: 'another disk' };
    return { node, disk, invoked: sent, result: isSame ? result : open };
  }

  #record(key: string, call: Call, { node, disk, invoked, result }: Sent): void {
    const completed = result.kind === 'unknown' ? null : this.#recorder.now();
    const client = this.#number;
    this.#recorder.add({ kind: 'memo', client, node, disk, key, call, result, invoked, completed });
  }
}
