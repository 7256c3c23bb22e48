import type { Call, Moment, Operation, Result, Try } from '../checks/index.ts';

/** Remembers what clients did, in the order in which it happened. */
export class Recorder {
  readonly #nowMs: () => number;
  readonly operations: OpenOperation[] = [];
  #order = 0;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  moment(): Moment {
    this.#order += 1;
    return { ms: this.#nowMs(), order: this.#order };
  }

  begin(who: Pick<Operation, 'client' | 'session' | 'idempotencyKey'>, call: Call): OpenOperation {
    const operation = new OpenOperation(who, call, this.moment());
    this.operations.push(operation);
    return operation;
  }
}

const UNDER_WAY: Result = { kind: 'unknown', reason: 'under way' };

/** An operation that is under way, or was: its tries are added as they end. */
export class OpenOperation implements Operation {
  readonly client: number;
  readonly session: number | null;
  readonly idempotencyKey: string | null;
  readonly call: Call;
  readonly invoked: Moment;
  readonly tries: Try[] = [];
  completed: Moment | null = null;
  result: Result = UNDER_WAY;
  #unsettled = false;

  constructor(
    { client, session, idempotencyKey }: Pick<Operation, 'client' | 'session' | 'idempotencyKey'>,
    call: Call,
    invoked: Moment,
  ) {
    this.client = client;
    this.session = session;
    this.idempotencyKey = idempotencyKey;
    this.call = call;
    this.invoked = invoked;
  }

  /**
   * Adds a try and draws the conclusion from all of them: one that succeeded settles it; one that
   * was refused does so only where no earlier one may have succeeded, or may still.
   */
  add(done: Try): void {
    this.tries.push(done);
    if (this.result.kind === 'ok') return;
    if (done.result.kind === 'unknown') this.#unsettled = true;
    if (done.result.kind === 'ok' || !this.#unsettled) {
      this.result = done.result;
      this.completed = done.answered;
      return;
    }
    this.result = { kind: 'unknown', reason: 'an earlier try may have succeeded' };
    this.completed = null;
  }
}
