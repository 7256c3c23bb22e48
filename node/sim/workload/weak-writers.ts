import { type Row, STAMP } from '../checks/index.ts';
import { deliver } from './deliver.ts';
import type { Answer, ClientWorld, Delivery } from './world.ts';

const PATIENCE_MS = 3000;
const MAX_TRIES = 4;
const WRITERS = 2;

/** Models whose writes are answered before a majority has them, and what they declare. */
export const WEAK_MODELS = [
  { name: 'Note', path: '/api/notes', durability: 'leader' },
  { name: 'Tick', path: '/api/ticks', durability: 'periodic' },
] as const;

type WeakModel = (typeof WEAK_MODELS)[number];

/** A write to a model of weaker durability, with the key under which it was sent to several nodes. */
export interface WeakAttempt {
  readonly model: WeakModel['name'];
  /** Unlike any other; the id is made by the server. */
  readonly stamp: string;
  /** Virtual time. */
  readonly sentMs: number;
  answeredMs: number;
  /**
   * `early`: it may still be lost; `ordered`: a majority has it. `unknown`: no answer came, and it
   * may be done yet. `refused`: nothing was done.
   */
  result: 'unknown' | 'early' | 'ordered' | 'refused';
}

/** Clients of models that are answered early: each row is written once, under an idempotency key. */
export class WeakWriters {
  readonly attempts: WeakAttempt[] = [];
  /** Answers that promise too much, or do not say what they promise. */
  readonly odd: string[] = [];
  readonly #world: ClientWorld;
  readonly #loops: readonly Promise<void>[];
  #stopping = false;

  constructor(world: ClientWorld) {
    this.#world = world;
    this.#loops = Array.from({ length: WRITERS }, () => this.#run());
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#loops);
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      await this.#pause(10 + this.#world.random() * 200);
      await this.#write(this.#pick(WEAK_MODELS));
    }
  }

  async #write(model: WeakModel): Promise<void> {
    const stamp = `w${this.attempts.length}`;
    const nowMs = this.#world.clock.monotonicMs();
    const attempt: WeakAttempt = {
      model: model.name,
      stamp,
      sentMs: nowMs,
      answeredMs: nowMs,
      result: 'refused',
    };
    this.attempts.push(attempt);
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const delivery = await this.#post(model, stamp);
      const result = this.#judge(model, stamp, delivery);
      attempt.answeredMs = this.#world.clock.monotonicMs();
      // An earlier try that got no answer may be done yet.
      if (result !== 'refused') attempt.result = result;
      if (result === 'early' || result === 'ordered') return;
      await this.#pause(50 + this.#world.random() * 200);
    }
  }

  #post({ path }: WeakModel, stamp: string): Promise<Delivery> {
    const row: Row = { [STAMP]: stamp };
    const headers = { 'content-type': 'application/json', 'idempotency-key': `weak-${stamp}` };
    const request = { method: 'POST', target: path, headers, body: JSON.stringify(row) };
    return deliver(this.#world, this.#pick(this.#world.nodes()), request, PATIENCE_MS);
  }

  #judge(model: WeakModel, stamp: string, delivery: Delivery): WeakAttempt['result'] {
    if (delivery.kind === 'refused') return 'refused';
    if (delivery.kind === 'lost') return 'unknown';
    const { answer } = delivery;
    // 409: a request with the same key is still on its way.
    if ([409, 500, 504].includes(answer.status)) return 'unknown';
    if (answer.status !== 201) return 'refused';
    return this.#promised(model, stamp, answer);
  }

  #promised({ durability }: WeakModel, stamp: string, { headers }: Answer): 'early' | 'ordered' {
    const said = headers['lithair-durability'];
    const hasToken = headers['lithair-index'] !== undefined;
    if (said === durability && !hasToken) return 'early';
    if (said === undefined && hasToken) return 'ordered';
    const token = hasToken ? 'a session token' : 'no session token';
    this.odd.push(`${stamp} was answered with durability ${said}, and ${token}`);
    return 'early';
  }

  #pick<T>(list: readonly T[]): T {
    const found = list[Math.floor(this.#world.random() * list.length)];
    if (found === undefined) throw new RangeError('nothing to pick from');
    return found;
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#world.clock.after(Math.ceil(ms), resolve));
  }
}
