import { fieldText, type Row, STAMP } from '../checks/index.ts';
import { deliver } from './deliver.ts';
import { LEASE_MS, LIFE_PATHS, type LifeModel, STATES, UNITS } from './life-models.ts';
import type { Answer, ClientWorld, Delivery, Request } from './world.ts';

const WRITERS = 3;
const PATIENCE_MS = 3_000;
const MAX_TRIES = 4;
const JSON_TYPE = { 'content-type': 'application/json' };
/** Ids of each model that all clients fight for. */
const IDS = 3;
const SLOTS = 3;
const CODES = 5;
/** What is done with rows by where they are. */
const VERBS: Readonly<Record<'live' | 'deleted' | 'nowhere' | 'anywhere', readonly LifeVerb[]>> = {
  live: ['put', 'patch', 'patch', 'patch', 'patch', 'delete'],
  deleted: ['restore', 'restore', 'restore', 'create', 'purge'],
  nowhere: ['create'],
  anywhere: ['create', 'put', 'patch', 'delete', 'restore', 'purge'],
};
/** After these nothing was done, and the same may be asked again. */
const PASSING: ReadonlySet<string> = new Set([
  'unavailable',
  'overloaded',
  'out_of_space',
  'schema_changed',
  'idempotency_in_progress',
  'version_conflict',
]);

export type LifeVerb = 'create' | 'put' | 'patch' | 'delete' | 'restore' | 'purge';

/** What was asked. */
export type LifeCall =
  | {
      readonly kind: 'write';
      readonly verb: LifeVerb;
      readonly model: LifeModel;
      readonly id: string;
      /** Null where there is nothing to send. Its stamp is unlike any other. */
      readonly body: Row | null;
    }
  | { readonly kind: 'read'; readonly model: LifeModel; readonly id: string }
  | {
      readonly kind: 'list';
      readonly model: LifeModel;
      /** Rows with these values alone, in the order of the field. */
      readonly where: Row;
      readonly sort: string;
    };

/** What a node said. */
export interface LifeAnswer {
  readonly node: number;
  /** The furthest that its wall clock had been by then, epoch milliseconds. */
  readonly reachedMs: number;
  readonly status: number;
  /** Of a problem; null where there is none. */
  readonly code: string | null;
  readonly version: number | null;
  readonly token: string | null;
  readonly rows: readonly Row[];
}

/** A call, and what came of it. */
export interface LifeAttempt {
  readonly call: LifeCall;
  /**
   * `unknown`: no answer came, and it may be done yet; `refused`: nothing was done, and none of
   * what was sent may show.
   */
  result: 'unknown' | 'done' | 'refused';
  answer: LifeAnswer | null;
}

/** Clients of models whose rows have declared lives. */
export class LifeWriters {
  readonly attempts: LifeAttempt[] = [];
  readonly #world: ClientWorld;
  readonly #reachedMs: (node: number) => number;
  readonly #loops: readonly Promise<void>[];
  /** When leases were seen last, as answers told. */
  readonly #seenMs = new Map<string, number>();
  /** Where rows are, as answers told. */
  readonly #places = new Map<string, 'live' | 'deleted' | 'nowhere'>();
  #stamps = 0;
  #stopping = false;

  /** @param reachedMs the furthest that the wall clock of a node has been, epoch milliseconds */
  constructor(world: ClientWorld, reachedMs: (node: number) => number) {
    this.#world = world;
    this.#reachedMs = reachedMs;
    this.#loops = Array.from({ length: WRITERS }, () => this.#run());
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#loops);
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      await this.#pause(10 + this.#world.random() * 150);
      await this.#perform(this.#next());
    }
  }

  #next(): LifeCall {
    const choice = this.#world.random();
    if (choice < 0.2) return this.#look();
    if (choice < 0.65) return this.#parcel();
    return choice < 0.85 ? this.#lease() : this.#remark();
  }

  #look(): LifeCall {
    const model = this.#pick(['Parcel', 'Parcel', 'ParcelDeleted', 'Lease', 'Remark'] as const);
    if (this.#chance(0.5)) return { kind: 'read', model, id: this.#idOf(model) };
    if (model !== 'Parcel') return { kind: 'list', model, where: {}, sort: 'id' };
    // Half of these counts are of no row, which a filter knows.
    if (this.#chance(0.6)) {
      return { kind: 'list', model, where: { units: this.#below(2 * UNITS) }, sort: 'id' };
    }
    const status = this.#pick(STATES);
    return { kind: 'list', model, where: { status }, sort: status === 'open' ? 'slot' : 'total' };
  }

  #parcel(): LifeCall {
    const model = 'Parcel';
    const id = this.#idOf(model);
    const verb = this.#pick(this.#verbs(id));
    const kept = 'ParcelDeleted';
    if (verb === 'restore' || verb === 'purge') return write(verb, kept, id, null);
    if (verb === 'delete') return write(verb, model, id, null);
    return write(verb, model, id, verb === 'patch' ? this.#parcelPatch() : this.#parcelBody(id));
  }

  /** Mostly what goes with where the row is, as far as anybody was told. */
  #verbs(id: string): readonly LifeVerb[] {
    const place = this.#places.get(id) ?? 'nowhere';
    return VERBS[this.#chance(0.8) ? place : 'anywhere'];
  }

  #parcelBody(id: string): Row {
    const status = this.#chance(0.15) ? { status: this.#pick(STATES) } : {};
    return { id, ...this.#stamp(), ...status, ...this.#amounts(), ...this.#slotAndCode() };
  }

  #parcelPatch(): Row {
    const what = this.#world.random();
    if (what < 0.5) return { ...this.#stamp(), status: this.#pick(STATES) };
    if (what < 0.75) return { ...this.#stamp(), ...this.#amounts() };
    return { ...this.#stamp(), ...this.#slotAndCode() };
  }

  #amounts(): Row {
    return { units: this.#below(UNITS), price: this.#below(5) };
  }

  #slotAndCode(): Row {
    const slot = this.#chance(0.6) ? `s${this.#below(SLOTS)}` : null;
    return { slot, ...this.#code() };
  }

  /** Mostly one that nobody had; and one that somebody may have had. */
  #code(): Row {
    if (this.#chance(0.4)) return { code: null };
    return { code: this.#chance(0.6) ? `c${this.#below(CODES)}` : `fresh-${this.#stamps}` };
  }

  #lease(): LifeCall {
    const model = 'Lease';
    const id = this.#idOf(model);
    const isLive = this.#places.get(id) === 'live' ? this.#chance(0.8) : this.#chance(0.2);
    const verb = isLive ? this.#pick(['put', 'patch', 'patch'] as const) : 'create';
    const seen = this.#chance(0.5) ? this.#seen(id) : {};
    return write(verb, model, id, {
      ...(verb !== 'patch' && { id }),
      ...this.#stamp(),
      ...seen,
      ...(verb === 'patch' && this.#chance(0.5) ? {} : this.#code()),
    });
  }

  /** As somebody does who puts off the end of a lease, or brings it near. */
  #seen(id: string): Row {
    const toldMs = this.#seenMs.get(id);
    if (toldMs === undefined) return {};
    const atMs = toldMs + Math.floor((this.#world.random() * 2 - 1) * LEASE_MS);
    return { seenAt: new Date(atMs).toISOString() };
  }

  #remark(): LifeCall {
    const model = 'Remark';
    const id = this.#idOf(model);
    const isLive = this.#places.get(id) === 'live' ? this.#chance(0.8) : this.#chance(0.2);
    const verb = isLive ? this.#pick(['put', 'patch', 'patch', 'delete'] as const) : 'create';
    if (verb === 'delete') return write(verb, model, id, null);
    return write(verb, model, id, {
      ...(verb !== 'patch' && { id }),
      ...this.#stamp(),
      parcel: this.#chance(0.5) ? this.#idOf('Parcel') : null,
      lease: this.#chance(0.7) ? this.#idOf('Lease') : null,
    });
  }

  async #perform(call: LifeCall): Promise<void> {
    const attempt: LifeAttempt = { call, result: 'refused', answer: null };
    this.attempts.push(attempt);
    const isKeyed = call.kind === 'write' && this.#chance(0.6);
    const key = isKeyed ? `life-${this.attempts.length}` : null;
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const isSettled = await this.#try(attempt, key);
      if (isSettled) break;
      await this.#pause(30 + this.#world.random() * 200);
    }
    this.#learn(attempt);
  }

  /** Whether there is nothing more to ask. */
  async #try(attempt: LifeAttempt, key: string | null): Promise<boolean> {
    const { call } = attempt;
    const node = this.#pick(this.#world.nodes());
    const isStrong = call.kind !== 'write' && this.#chance(0.5);
    const request = requestOf(call, key, isStrong ? 'strong' : 'eventual');
    const delivery = await deliver(this.#world, node, request, PATIENCE_MS);
    if (delivery.kind === 'refused') return false;
    if (delivery.kind === 'lost' || isOpen(delivery.answer)) {
      attempt.result = 'unknown';
      return key === null;
    }
    const answer = { ...answerOf(call, delivery), node, reachedMs: this.#reachedMs(node) };
    const isDone = answer.status < 300 || (call.kind === 'read' && answer.code === 'not_found');
    if (isDone) return settle(attempt, answer, 'done');
    if (answer.code !== null && PASSING.has(answer.code)) return false;
    // An earlier try that got no answer may be done yet, under another key than this one's none.
    return settle(attempt, answer, attempt.result);
  }

  #learn({ call, result, answer }: LifeAttempt): void {
    if (call.kind !== 'list') this.#learnPlace(call, result === 'done', answer);
    for (const row of answer?.rows ?? []) {
      const { id, seenAt } = row;
      if (call.model !== 'Lease' || typeof id !== 'string' || typeof seenAt !== 'string') continue;
      this.#seenMs.set(id, Date.parse(seenAt));
    }
  }

  #learnPlace(
    call: Exclude<LifeCall, { kind: 'list' }>,
    isDone: boolean,
    answer: LifeAnswer | null,
  ): void {
    const isOfDeleted = call.model === 'ParcelDeleted';
    if (answer?.code === 'not_found') {
      if (!isOfDeleted || this.#places.get(call.id) === 'deleted') {
        this.#places.set(call.id, 'nowhere');
      }
      return;
    }
    if (!isDone || call.kind === 'read') return;
    const { verb, model, id } = call;
    const isKept = verb === 'delete' && model === 'Parcel';
    const isGone = verb === 'delete' || verb === 'purge';
    this.#places.set(id, isKept ? 'deleted' : isGone ? 'nowhere' : 'live');
  }

  #idOf(model: LifeModel): string {
    const letter = model === 'Lease' ? 'l' : model === 'Remark' ? 'r' : 'p';
    return `${letter}${this.#below(IDS)}`;
  }

  #stamp(): Row {
    this.#stamps += 1;
    return { [STAMP]: `life${this.#stamps}` };
  }

  #below(count: number): number {
    return Math.floor(this.#world.random() * count);
  }

  #chance(share: number): boolean {
    return this.#world.random() < share;
  }

  #pick<T>(list: readonly T[]): T {
    const found = list[this.#below(list.length)];
    if (found === undefined) throw new RangeError('nothing to pick from');
    return found;
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#world.clock.after(Math.ceil(ms), resolve));
  }
}

function write(verb: LifeVerb, model: LifeModel, id: string, body: Row | null): LifeCall {
  return { kind: 'write', verb, model, id, body };
}

function settle(attempt: LifeAttempt, answer: LifeAnswer, result: LifeAttempt['result']): true {
  attempt.answer = answer;
  attempt.result = result;
  return true;
}

/** Of such an answer nothing can be concluded. */
function isOpen({ status }: Answer): boolean {
  return status === 504;
}

const METHODS: Readonly<Record<LifeVerb, string>> = {
  create: 'POST',
  put: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
  restore: 'POST',
  purge: 'DELETE',
};

function requestOf(call: LifeCall, key: string | null, consistency: string): Request {
  const path = LIFE_PATHS[call.model];
  if (call.kind !== 'write') {
    const target = call.kind === 'read' ? `${path}/${call.id}` : `${path}?${queryOf(call)}`;
    return { method: 'GET', target, headers: { 'lithair-consistency': consistency }, body: '' };
  }
  const { verb, id, body } = call;
  const keyed = key === null ? {} : { 'idempotency-key': key };
  const target = verb === 'create' ? path : `${path}/${id}${verb === 'restore' ? '/restore' : ''}`;
  return {
    method: METHODS[verb],
    target,
    headers: { ...(body !== null && JSON_TYPE), ...keyed },
    body: body === null ? '' : JSON.stringify(body),
  };
}

function queryOf({ where, sort }: Extract<LifeCall, { kind: 'list' }>): string {
  const filters = Object.entries(where).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  return [...filters, `sort=${sort}`, 'limit=1000'].join('&');
}

function answerOf(
  call: LifeCall,
  { answer }: Extract<Delivery, { kind: 'answer' }>,
): Omit<LifeAnswer, 'node' | 'reachedMs'> {
  const { status, headers, body } = answer;
  const version = headers['lithair-version'];
  const isGood = status < 300;
  const parsed: Row & { readonly data?: readonly Row[] } = body === '' ? {} : JSON.parse(body);
  const rows = call.kind === 'list' ? (parsed.data ?? []) : body === '' ? [] : [parsed];
  return {
    status,
    code: isGood ? null : fieldText(parsed, 'code'),
    version: version === undefined ? null : Number(version),
    token: headers['lithair-index'] ?? null,
    rows: isGood ? rows : [],
  };
}
