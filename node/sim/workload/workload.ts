import type { Call, FinalState, History } from '../checks/index.ts';
import { Client } from './client.ts';
import { deliver } from './deliver.ts';
import { drawMix, type Mix, type MixOptions } from './mix.ts';
import { CONSTRAINTS, MODEL_NAMES } from './model.ts';
import { type OpenOperation, Recorder } from './recorder.ts';
import { requestOf, resultOf } from './wire.ts';
import type { ClientWorld } from './world.ts';

/** Tries of each read at the end, when all nodes are well, and the pause between them. */
const FINAL_TRIES = 50;
const FINAL_PAUSE_MS = 100;
/** A removal that was asked for among faults may still end a node that is asked. */
const FINAL_PATIENCE_MS = 10_000;

/** Clients at work. */
export class Workload {
  readonly mix: Mix;
  readonly #world: ClientWorld;
  readonly #recorder: Recorder;
  readonly #clients: readonly Client[];
  readonly #loops: readonly Promise<void>[];

  /** Starts the clients; what they do is drawn from the world's randomness. */
  constructor(world: ClientWorld, options: MixOptions = {}) {
    const { clock } = world;
    const startedMs = clock.monotonicMs();
    this.mix = drawMix(world.random, options);
    this.#world = world;
    this.#recorder = new Recorder(() => Math.round(clock.monotonicMs() - startedMs));
    this.#clients = Array.from(
      { length: this.mix.clients },
      (_, number) => new Client(number, this.mix, world, this.#recorder),
    );
    this.#loops = this.#clients.map((client) => client.run());
  }

  /** Operations that have begun so far. */
  get operationCount(): number {
    return this.#recorder.operations.length;
  }

  /** Operations whose last answer was a success. */
  get acknowledgedCount(): number {
    return this.#recorder.operations.filter(({ result }) => result.kind === 'ok').length;
  }

  /** No new operations; resolves when the last ones have ended or were given up. */
  async stop(): Promise<void> {
    for (const client of this.#clients) client.stop();
    await Promise.all(this.#loops);
  }

  /**
   * Reads everything on every node, strongly. For the end, when the clients have stopped and the
   * nodes are well.
   *
   * @throws Error where a node does not answer in time, which is a lack of progress
   */
  async readAll(): Promise<void> {
    const { operations } = this.#recorder;
    const reads = new Map(operations.flatMap(({ call }) => readsAfter(call)));
    for (const node of this.#world.nodes()) {
      for (const call of reads.values()) await this.#readFinally(node, call);
    }
  }

  /** What the checks look at. */
  history(finalStates: readonly FinalState[]): History {
    return { operations: this.#recorder.operations, finalStates, constraints: CONSTRAINTS };
  }

  async #readFinally(node: number, call: Call): Promise<void> {
    const who = { client: this.#clients.length, session: null, idempotencyKey: null };
    for (let done = 0; done < FINAL_TRIES; done++) {
      const operation = this.#recorder.begin(who, call);
      await this.#tryOnce(operation, node);
      if (operation.result.kind === 'ok') return;
      await new Promise<void>((resolve) => {
        this.#world.clock.after(FINAL_PAUSE_MS, resolve);
      });
    }
    throw new Error(`node ${node} does not answer a ${call.kind} of ${call.model} at the end`);
  }

  async #tryOnce(operation: OpenOperation, node: number): Promise<void> {
    const { call } = operation;
    const request = requestOf(call, null);
    const delivery = await deliver(this.#world, node, request, FINAL_PATIENCE_MS);
    const result = resultOf(call, delivery);
    operation.add({ node, sent: operation.invoked, answered: this.#recorder.moment(), result });
  }
}

const STRONG = { consistency: 'strong', minToken: null } as const;

function readsAfter(call: Call): [string, Call][] {
  const lists = MODEL_NAMES.map((model): [string, Call] => [
    model,
    { kind: 'list', model, filter: null, ...STRONG },
  ]);
  if (!('id' in call) || call.id === null) return lists;
  const { model, id } = call;
  return [...lists, [`${model}/${id}`, { kind: 'read', model, id, ...STRONG }]];
}
