import type { Call, Result } from '../checks/index.ts';
import { Chooser } from './choose.ts';
import { deliver } from './deliver.ts';
import type { Mix } from './mix.ts';
import type { OpenOperation, Recorder } from './recorder.ts';
import { requestOf, resultOf } from './wire.ts';
import type { ClientWorld } from './world.ts';

/** Refusals after which the same write may be sent again: nothing was done. */
const PASSING = [
  'unavailable',
  'overloaded',
  'out_of_space',
  'schema_changed',
  'idempotency_in_progress',
  'version_conflict',
  'refused',
];

/** One client in a closed loop: it asks, waits for the answer, thinks, and asks again. */
export class Client {
  readonly #number: number;
  readonly #mix: Mix;
  readonly #world: ClientWorld;
  readonly #recorder: Recorder;
  readonly #chooser: Chooser;
  readonly #session: number | null;
  #token: string | null = null;
  #writes = 0;
  #stopping = false;

  constructor(number: number, mix: Mix, world: ClientWorld, recorder: Recorder) {
    this.#number = number;
    this.#mix = mix;
    this.#world = world;
    this.#recorder = recorder;
    this.#chooser = new Chooser(number, mix, world.random);
    this.#session = world.random() < mix.sessions ? number : null;
  }

  /** Resolves after `stop`, when its last operation has ended or was given up. */
  async run(): Promise<void> {
    while (!this.#stopping) {
      await this.#pause(-Math.log(1 - this.#world.random()) * this.#mix.thinkMs);
      if (!this.#stopping) await this.#perform(this.#next());
    }
  }

  stop(): void {
    this.#stopping = true;
  }

  #next(): Call {
    return this.#chooser.next(this.#session !== null, this.#token);
  }

  async #perform(call: Call): Promise<void> {
    const isRead = call.kind === 'read' || call.kind === 'list';
    const isKeyed = !isRead && this.#world.random() < this.#mix.keyed;
    if (isKeyed) this.#writes += 1;
    const operation = this.#recorder.begin(
      {
        client: this.#number,
        session: this.#session,
        idempotencyKey: isKeyed ? `c${this.#number}-${this.#writes}` : null,
      },
      call,
    );
    await this.#tryUntilSettled(operation, isRead ? 1 : this.#mix.maxTries);
    this.#learn(operation);
    if (isKeyed && operation.result.kind === 'ok' && this.#world.random() < this.#mix.echoed) {
      await this.#pause(this.#world.random() * 500);
      await this.#try(operation);
    }
  }

  async #tryUntilSettled(operation: OpenOperation, maxTries: number): Promise<void> {
    for (let done = 1; ; done++) {
      const result = await this.#try(operation);
      const mayRepeat =
        result.kind === 'failed'
          ? PASSING.includes(result.code)
          : result.kind === 'unknown' && operation.idempotencyKey !== null;
      if (!mayRepeat || done >= maxTries) return;
      await this.#pause(20 + this.#world.random() * 40 * 2 ** Math.min(done, 5));
    }
  }

  async #try(operation: OpenOperation): Promise<Result> {
    const { call, idempotencyKey } = operation;
    const nodes = this.#world.nodes();
    const node = nodes[Math.floor(this.#world.random() * nodes.length)];
    if (node === undefined) throw new Error('a world without nodes');
    const sent = operation.tries.length === 0 ? operation.invoked : this.#recorder.moment();
    const request = requestOf(call, idempotencyKey);
    const delivery = await deliver(this.#world, node, request, this.#mix.patienceMs);
    const result = resultOf(call, delivery);
    const answered = delivery.kind === 'lost' ? null : this.#recorder.moment();
    operation.add({ node, sent, answered, result });
    return result;
  }

  #learn({ call, result }: OpenOperation): void {
    if (result.kind !== 'ok') return;
    if (this.#session !== null) this.#token = result.token ?? this.#token;
    const id = result.rows[0]?.['id'];
    if (result.version !== null && typeof id === 'string') {
      this.#chooser.learn(call.model, id, result.version);
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#world.clock.after(Math.ceil(ms), resolve);
    });
  }
}
