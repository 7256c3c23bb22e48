import { Agent, request as httpRequest } from 'node:http';
import type { LoadRequest } from './load.ts';
import type { ReplicatedSystem } from './replicated-system.ts';

const EVERY_MS = 5;
const TIMEOUT_MS = 2_000;

/**
 * Sends a write every 5 ms, to each member in turn and whatever became of those before, and notes
 * when writes were acknowledged: what a client of the whole cluster sees of a change of the leader.
 */
export class SteadyWriter {
  readonly #system: ReplicatedSystem;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #acknowledgedMs: number[] = [];
  readonly #timer: NodeJS.Timeout;
  readonly #startedMs = performance.now();
  #sent = 0;

  constructor(system: ReplicatedSystem) {
    this.#system = system;
    this.#timer = setInterval(() => this.#due(), EVERY_MS);
  }

  /** So many writes were acknowledged so far. */
  get count(): number {
    return this.#acknowledgedMs.length;
  }

  /** The longest time without an acknowledgement, from the first one on. */
  get longestGapMs(): number {
    let [longestMs, lastMs] = [0, this.#acknowledgedMs[0] ?? Number.NaN];
    for (const nowMs of this.#acknowledgedMs) {
      longestMs = Math.max(longestMs, nowMs - lastMs);
      lastMs = nowMs;
    }
    return longestMs;
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#agent.destroy();
  }

  /** Timers come late on a busy machine; the writes that were due then are sent at once. */
  #due(): void {
    const due = Math.floor((performance.now() - this.#startedMs) / EVERY_MS);
    for (; this.#sent < due; this.#sent += 1) {
      this.#send(this.#system.write(this.#sent % this.#system.size));
    }
  }

  #send({ url, method, body }: LoadRequest): void {
    const headers = { 'content-type': 'application/json' };
    const sent = httpRequest(url, { agent: this.#agent, method, headers, timeout: TIMEOUT_MS });
    sent.on('timeout', () => sent.destroy());
    sent.on('error', () => {});
    sent.on('response', (response) => {
      response.resume();
      response.on('error', () => {});
      response.on('end', () => {
        if ((response.statusCode ?? 500) < 300) this.#acknowledgedMs.push(performance.now());
      });
    });
    sent.end(body);
  }
}
