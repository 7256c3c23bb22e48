import type { SeededRandom } from '../random.ts';
import type { Recorder, Result } from './history.ts';
import { HttpClient, type Reply, type WireRequest } from './http.ts';
import { resultOf } from './wire.ts';

/** A node that takes requests. */
export interface Target {
  readonly name: string;
  readonly url: string;
  /** Which of its disks it works on; it may get another one. */
  readonly disk: number;
}

/** One try, and what came of it. */
export interface Try {
  readonly node: string;
  readonly sent: number;
  readonly result: Result;
  readonly reply: Reply;
}

/** How long a client waits for an answer before it takes the request for lost. */
const PATIENCE_MS = 3_000;
/** Most clients leave a node that did not answer alone for a while. */
const WARY = 0.75;
const WARY_MS = 3_000;

/** How one client meets the nodes. */
export class Exchange {
  readonly #random: SeededRandom;
  readonly #nodes: () => readonly Target[];
  readonly #recorder: Recorder;
  readonly #http = new HttpClient();
  readonly #avoided = new Map<string, number>();

  /** @param nodes those that there are now */
  constructor(random: SeededRandom, nodes: () => readonly Target[], recorder: Recorder) {
    this.#random = random;
    this.#nodes = nodes;
    this.#recorder = recorder;
  }

  choose(): Target {
    const nowMs = performance.now();
    const nodes = this.#nodes();
    const usable = nodes.filter(({ name }) => (this.#avoided.get(name) ?? 0) <= nowMs);
    return this.#random.pick(usable.length > 0 ? usable : nodes);
  }

  /** Sends a request once; an answer that no request of a run should get is a problem. */
  async try(request: WireRequest, node: Target, isRead: boolean): Promise<Try> {
    const sent = this.#recorder.now();
    const reply = await this.#http.send(request, PATIENCE_MS);
    if (reply.kind === 'lost' && this.#random.chance(WARY)) {
      this.#avoided.set(node.name, performance.now() + WARY_MS);
    }
    const result = resultOf(isRead, reply);
    if (result !== 'unexpected') return { node: node.name, sent, result, reply };
    const answer = reply.kind === 'answer' ? `${reply.status} ${JSON.stringify(reply.body)}` : '';
    this.#recorder.problem(`${request.method} ${request.url} was answered with ${answer}`);
    return { node: node.name, sent, result: { kind: 'unknown', code: 'unexpected' }, reply };
  }

  close(): void {
    this.#http.close();
  }
}
