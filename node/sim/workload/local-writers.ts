import { type Row, STAMP } from '../checks/index.ts';
import { deliver } from './deliver.ts';
import type { ClientWorld, Delivery, Request } from './world.ts';

/** Ids that all of them write. */
const SHARED = ['shared-0', 'shared-1'];
const PATIENCE_MS = 3000;
/** What is written to a node that is about to leave. */
const PARTING_WRITES = 8;
const PARTING_PAUSE_MS = 15;
const JSON_TYPE = { 'content-type': 'application/json' };

/** A write of an eventual model that a client sent. */
export interface LocalAttempt {
  readonly node: number;
  /** Which of the node's disks, as far as the client knows. */
  readonly disk: number;
  readonly id: string;
  /** Unlike any other; null for a deletion. */
  readonly stamp: string | null;
  /** `unknown`: no answer came, and it may be done yet. */
  result: 'unknown' | 'acknowledged' | 'refused';
}

/** A read that does not show what its client wrote before, on the same node. */
export interface LostOwnWrite {
  readonly node: number;
  readonly id: string;
  readonly shown: string;
  readonly expected: string;
}

/**
 * Clients of a model that every node writes. Each is at home on one node and stays there, whatever
 * becomes of it, writes a row of its own and rows that all of them write, and looks at its own.
 */
export class LocalWriters {
  readonly attempts: LocalAttempt[] = [];
  readonly lost: LostOwnWrite[] = [];
  readonly #world: ClientWorld;
  readonly #diskOf: (node: number) => number;
  readonly #loops: Promise<void>[];
  #stopping = false;

  /** @param diskOf how many disks a node had before the one that it works on */
  constructor(world: ClientWorld, diskOf: (node: number) => number) {
    this.#world = world;
    this.#diskOf = diskOf;
    this.#loops = world.nodes().map((node) => this.#run(node));
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#loops);
  }

  /** Somebody asks to have the node's member removed: it takes writes to the last moment. */
  hurry(node: number): void {
    if (!this.#stopping) this.#loops.push(this.#hurried(node));
  }

  async #hurried(node: number): Promise<void> {
    const writes: Promise<void>[] = [];
    for (let count = 0; count < PARTING_WRITES; count += 1) {
      writes.push(this.#write(node, `parting-${node}`));
      await this.#pause(this.#world.random() * PARTING_PAUSE_MS);
    }
    await Promise.all(writes);
  }

  async #run(node: number): Promise<void> {
    while (!this.#stopping) {
      await this.#pause(20 + this.#world.random() * 400);
      const own = `own-${node}`;
      const choice = this.#world.random();
      if (choice < 0.4) await this.#readOwn(node, own);
      else if (choice < 0.8) await this.#write(node, own);
      else await this.#write(node, SHARED[Math.floor(choice * 100) % SHARED.length] ?? own);
    }
  }

  async #write(node: number, id: string): Promise<void> {
    const isDeletion = this.#world.random() < 0.15;
    const stamp = isDeletion ? null : `${node}.${this.attempts.length}`;
    const disk = this.#diskOf(node);
    const attempt: LocalAttempt = { node, disk, id, stamp, result: 'unknown' };
    this.attempts.push(attempt);
    const delivery = await this.#deliver(node, requestOf(id, stamp, 'PUT'));
    attempt.result = this.#resultOf(attempt, delivery);
    // It is not there: a creation is an attempt of its own.
    if (statusOf(delivery) !== 404 || stamp === null) return;
    const again: LocalAttempt = {
      ...attempt,
      disk: this.#diskOf(node),
      stamp: `${stamp}+`,
      result: 'unknown',
    };
    this.attempts.push(again);
    const created = await this.#deliver(node, requestOf(id, again.stamp, 'POST'));
    again.result = this.#resultOf(again, created);
  }

  /** Where the disk was exchanged meanwhile, nobody knows which of them has the write. */
  #resultOf({ node, disk }: LocalAttempt, delivery: Delivery): LocalAttempt['result'] {
    const result = resultOf(delivery);
    return result === 'acknowledged' && disk !== this.#diskOf(node) ? 'unknown' : result;
  }

  async #readOwn(node: number, id: string): Promise<void> {
    const before = allowedOf(this.attempts, id);
    const request = { method: 'GET', target: `/api/memos/${id}`, headers: {}, body: '' };
    const delivery = await this.#deliver(node, request);
    const shown = shownBy(delivery);
    if (shown === null || before.has(shown)) return;
    this.lost.push({ node, id, shown, expected: [...before].join(' or ') });
  }

  #deliver(node: number, request: Request): Promise<Delivery> {
    return deliver(this.#world, node, request, PATIENCE_MS);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#world.clock.after(Math.ceil(ms), resolve));
  }
}

const GONE = 'nothing';

/** What a row of one writer may show: what was acknowledged last, or a write of unknown fate. */
function allowedOf(attempts: readonly LocalAttempt[], id: string): ReadonlySet<string> {
  let last = GONE;
  const unknown: string[] = [];
  for (const attempt of attempts) {
    if (attempt.id !== id || attempt.result === 'refused') continue;
    const value = attempt.stamp ?? GONE;
    if (attempt.result === 'acknowledged') last = value;
    else unknown.push(value);
  }
  return new Set([last, ...unknown]);
}

function requestOf(id: string, stamp: string | null, method: 'PUT' | 'POST'): Request {
  const target = `/api/memos/${id}`;
  if (stamp === null) return { method: 'DELETE', target, headers: {}, body: '' };
  const body: Row = method === 'POST' ? { id, [STAMP]: stamp } : { [STAMP]: stamp };
  const headers = JSON_TYPE;
  const place = method === 'POST' ? '/api/memos' : target;
  return { method, target: place, headers, body: JSON.stringify(body) };
}

function statusOf(delivery: Delivery): number {
  return delivery.kind === 'answer' ? delivery.answer.status : 0;
}

function resultOf(delivery: Delivery): LocalAttempt['result'] {
  if (delivery.kind === 'refused') return 'refused';
  const status = statusOf(delivery);
  if (status === 0 || status === 500 || status === 504) return 'unknown';
  return status < 300 ? 'acknowledged' : 'refused';
}

/** Null where the node gave no answer about the row. */
function shownBy(delivery: Delivery): string | null {
  if (delivery.kind !== 'answer') return null;
  const { status, body } = delivery.answer;
  if (status === 404) return body.includes('"not_found"') ? GONE : null;
  if (status !== 200) return null;
  const row: Row = JSON.parse(body);
  const stamp = row[STAMP];
  return typeof stamp === 'string' ? stamp : 'no stamp';
}
