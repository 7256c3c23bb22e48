/**
 * Linearizability of single aggregates, which is enough for all of them (Herlihy and Wing, 1990,
 * theorem 1). The search is that of Wing and Gong (1993) with Lowe's memory of states that were
 * met before (2017), over the linked list of calls and returns that Porcupine uses.
 */
import { type KeyOperation, type KeyState, keyOfName, NEVER_CREATED, step } from './key-model.ts';
import { textOf } from './row.ts';
import { isPatchOfUnseen, Twins, UNSEEN } from './twins.ts';
import type { Operation, Row, Violation } from './types.ts';

/** Steps after which a search gives up; ordinary histories need about two per operation. */
const MAX_STEPS = 2_000_000;

export type Verdict =
  | { readonly kind: 'linearizable' }
  | { readonly kind: 'undecided' }
  | {
      readonly kind: 'broken';
      /** The state that the longest order of operations led to. */
      readonly state: KeyState;
      /** An operation that fits neither into that order nor behind it. */
      readonly stuck: KeyOperation;
    };

/** Strong reads and all writes, on every node, aggregate by aggregate. */
export function checkLinearizable(keys: ReadonlyMap<string, readonly KeyOperation[]>): Violation[] {
  const violations: Violation[] = [];
  for (const [name, all] of keys) {
    const demanding = all.filter(({ operation: { call } }) => isDemanding(call));
    const verdict = linearize(demanding);
    if (verdict.kind === 'linearizable') continue;
    violations.push({
      check: 'linearizable',
      message: messageOf(name, verdict),
      key: keyOfName(name),
      operations: verdict.kind === 'broken' ? [verdict.stuck.operation] : [],
    });
  }
  return violations;
}

function isDemanding(call: Operation['call']): boolean {
  return call.kind !== 'read' || call.consistency === 'strong';
}

function messageOf(name: string, verdict: Exclude<Verdict, { kind: 'linearizable' }>): string {
  if (verdict.kind === 'undecided') return `${name}: not decided after ${MAX_STEPS} steps`;
  const { state, stuck } = verdict;
  const present = state.row === null ? 'absent' : textOf(state.row);
  return `${name}: no order explains ${stuck.call.kind} of client ${stuck.operation.client}; the longest ends at version ${state.version}, ${present}`;
}

interface Entry {
  /** Null at the head. */
  readonly item: KeyOperation | null;
  readonly number: number;
  readonly isCall: boolean;
  /** Of a call: its return; null where it has none. */
  match: Entry | null;
  previous: Entry | null;
  next: Entry | null;
}

/** Decides whether the operations of one aggregate can have taken effect one after another. */
export function linearize(items: readonly KeyOperation[], maxSteps = MAX_STEPS): Verdict {
  return new Search(items).run(maxSteps);
}

class Search {
  readonly #head: Entry;
  readonly #rows: ReadonlyMap<number, Row>;
  readonly #twins: Twins;
  readonly #taken: Uint16Array;
  readonly #met = new Set<string>();
  readonly #stack: { readonly entry: Entry; readonly before: KeyState }[] = [];
  #state: KeyState = NEVER_CREATED;
  #deepest: {
    readonly length: number;
    readonly state: KeyState;
    readonly stuck: KeyOperation;
  } | null = null;

  constructor(items: readonly KeyOperation[]) {
    this.#head = listOf(items);
    this.#rows = knownRows(items);
    this.#twins = new Twins(items);
    this.#taken = new Uint16Array(Math.ceil(items.length / 16));
  }

  run(maxSteps: number): Verdict {
    let entry = this.#head.next;
    for (let steps = 0; entry !== null; steps++) {
      if (steps > maxSteps) return { kind: 'undecided' };
      if (entry.isCall) {
        entry = this.#tryTake(entry) ? this.#head.next : entry.next;
        continue;
      }
      this.#noteStuck(entry);
      const back = this.#undo();
      if (back === null) return this.#broken();
      entry = back.next;
    }
    // No return is left, so all that is known to have happened has its place.
    return { kind: 'linearizable' };
  }

  #tryTake(entry: Entry): boolean {
    const { item } = entry;
    if (item === null || !this.#twins.isNext(item)) return false;
    const next = this.#next(item);
    if (next === null || !this.#agrees(next)) return false;
    this.#flip(entry.number);
    if (!onlyLooks(item) && this.#wasMet(next)) {
      this.#flip(entry.number);
      return false;
    }
    this.#stack.push({ entry, before: this.#state });
    this.#state = next;
    this.#twins.take(item);
    unlink(entry);
    return true;
  }

  #next(item: KeyOperation): KeyState | null {
    const { call, result } = item;
    const isOfUnseen = this.#state.row === UNSEEN && call.kind === 'patch';
    if (isOfUnseen && result.kind !== 'failed') return this.#patchUnseen(item, call.body);
    const next = step(this.#state, item);
    if (next === null || next === this.#state || !this.#twins.isUnseen(item)) return next;
    return { version: next.version, row: UNSEEN };
  }

  #patchUnseen(item: KeyOperation, patch: Row): KeyState | null {
    const { call, result } = item;
    const ifMatch = 'ifMatch' in call ? call.ifMatch : null;
    if (ifMatch !== null && ifMatch !== this.#state.version) return null;
    const version = this.#state.version + 1;
    if (this.#twins.isUnseen(item)) return { version, row: UNSEEN };
    const isElsewhere = result.kind === 'ok' && result.version !== version;
    const shown = this.#rows.get(version);
    if (isElsewhere || shown === undefined || !isPatchOfUnseen(shown, patch)) return null;
    return { version, row: shown };
  }

  /** A version has one row; this keeps writes of unknown outcome from taking another's place. */
  #agrees({ version, row }: KeyState): boolean {
    const known = this.#rows.get(version);
    return known === undefined || (row !== null && textOf(known) === textOf(row));
  }

  #wasMet({ version, row }: KeyState): boolean {
    const taken = String.fromCharCode(...this.#taken);
    const name = `${version} ${row === null ? '' : textOf(row)} ${taken}`;
    if (this.#met.has(name)) return true;
    this.#met.add(name);
    return false;
  }

  /** Takes back the last operation that changed the state, and all that only looked at it since. */
  #undo(): Entry | null {
    for (;;) {
      const last = this.#stack.pop();
      if (last === undefined) return null;
      this.#flip(last.entry.number);
      if (last.entry.item !== null) this.#twins.putBack(last.entry.item);
      relink(last.entry);
      this.#state = last.before;
      // What fits and only looks may always come first: leaving it out cannot help.
      if (last.entry.item === null || !onlyLooks(last.entry.item)) return last.entry;
    }
  }

  #flip(number: number): void {
    const word = number >> 4;
    this.#taken[word] = (this.#taken[word] ?? 0) ^ (1 << (number & 15));
  }

  #noteStuck({ item }: Entry): void {
    const { length } = this.#stack;
    if (item === null || (this.#deepest !== null && this.#deepest.length >= length)) return;
    this.#deepest = { length, state: this.#state, stuck: item };
  }

  #broken(): Verdict {
    if (this.#deepest === null) throw new Error('a search that fails got stuck somewhere');
    const { state, stuck } = this.#deepest;
    return { kind: 'broken', state, stuck };
  }
}

function onlyLooks({ call, result }: KeyOperation): boolean {
  return call.kind === 'read' || result.kind === 'failed';
}

/** Rows of versions that answers told. */
function knownRows(items: readonly KeyOperation[]): Map<number, Row> {
  const rows = new Map<number, Row>();
  for (const { result } of items) {
    if (result.kind !== 'ok' || result.version === null) continue;
    const [row] = result.rows;
    if (row !== undefined) rows.set(result.version, row);
  }
  return rows;
}

function listOf(items: readonly KeyOperation[]): Entry {
  const events = items.flatMap((item, number) => eventsOf(item, number));
  events.sort((a, b) => a.at - b.at);
  const head: Entry = {
    item: null,
    number: -1,
    isCall: false,
    match: null,
    previous: null,
    next: null,
  };
  let last = head;
  for (const { entry } of events) {
    entry.previous = last;
    last.next = entry;
    last = entry;
  }
  return head;
}

function eventsOf(item: KeyOperation, number: number): { at: number; entry: Entry }[] {
  const links = { item, number, match: null, previous: null, next: null };
  const call: Entry = { ...links, isCall: true };
  if (item.completed === Number.POSITIVE_INFINITY) return [{ at: item.invoked, entry: call }];
  const end: Entry = { ...links, isCall: false };
  call.match = end;
  return [
    { at: item.invoked, entry: call },
    { at: item.completed, entry: end },
  ];
}

/** Takes a call and its return out of the list. */
function unlink(call: Entry): void {
  for (const entry of [call, call.match]) {
    if (entry === null) continue;
    if (entry.previous !== null) entry.previous.next = entry.next;
    if (entry.next !== null) entry.next.previous = entry.previous;
  }
}

/** Undoes the last `unlink` that is not undone. */
function relink(call: Entry): void {
  for (const entry of [call.match, call]) {
    if (entry === null) continue;
    if (entry.previous !== null) entry.previous.next = entry;
    if (entry.next !== null) entry.next.previous = entry;
  }
}
