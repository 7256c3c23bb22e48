import {
  type Clock,
  type CommandEnvelope,
  EngineError,
  type Logger,
  type Outcome,
} from '../ports/index.ts';
import { ConsensusError, PeerRequestError, traceOf, WireError } from './errors.ts';
import type { PeerTransport, RequestKind } from './ports.ts';
import { encodeJson, parseObject, type UnknownObject } from './wire/index.ts';

/** Between two attempts where nothing tells that the next one could go better. */
const RETRY_MS = 25;
/** What is said of an error that nobody expected. */
const INTERNAL = 'This is a bug of the server, or damage; the log of the leader holds the reason.';

/** Executes a command on the leader. May throw ConsensusError or EngineError. */
export type Execute = (envelope: CommandEnvelope) => Promise<Outcome>;

/** Who leads, as this member sees it. */
export interface LeaderView {
  /** Whether this member leads and has applied the first entry of its term. */
  readonly leading: boolean;
  /** 0 where none is known. */
  readonly leader: number;
  readonly memberId: number;
  /** Calls back once when any of that changes; the result cancels. */
  onceChanged(callback: () => void): () => void;
}

/** What became of one attempt. `retry`: certainly without effect. `unknown`: perhaps not. */
type Attempt<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'retry' }
  | { readonly kind: 'unknown'; readonly reason: string };

/**
 * Brings requests to the leader, wherever it is. What certainly had no effect is tried again until
 * the deadline; what may have had one only where an idempotency key makes that harmless.
 */
export class Forwarder {
  readonly #view: LeaderView;
  readonly #transport: PeerTransport;
  readonly #clock: Clock;
  readonly #execute: Execute;
  readonly #logger: Pick<Logger, 'error'>;

  constructor(
    view: LeaderView,
    transport: PeerTransport,
    clock: Clock,
    execute: Execute,
    logger: Pick<Logger, 'error'>,
  ) {
    this.#view = view;
    this.#transport = transport;
    this.#clock = clock;
    this.#execute = execute;
    this.#logger = logger;
  }

  /** @throws EngineError */
  async submit(envelope: CommandEnvelope): Promise<Outcome> {
    const dueMs = this.#clock.monotonicMs() + envelope.timeoutMs;
    let unsettled = false;
    for (;;) {
      const timeoutMs = this.#timeLeft(dueMs, unsettled);
      const attempt = await this.#attempt(envelope, timeoutMs).catch((error: unknown) => {
        if (!unsettled || !(error instanceof EngineError)) throw error;
        // Another attempt would fail in the same way.
        if (error.code === 'internal') throw outcomeUnknown(error.message);
        // Without effect is this attempt alone; an earlier one may have had some.
        return { kind: 'retry' } as const;
      });
      if (attempt.kind === 'done' && !(unsettled && isOwnTwin(attempt.value))) return attempt.value;
      if (attempt.kind === 'unknown') {
        if (envelope.idempotency === null) throw outcomeUnknown(attempt.reason);
        unsettled = true;
      }
      await this.#pause(dueMs);
    }
  }

  /**
   * Sends an opaque request to the leader, once one is known; null where this member leads.
   *
   * @throws EngineError
   */
  async forward(
    kind: RequestKind,
    body: Uint8Array,
    timeoutMs: number,
  ): Promise<Uint8Array | null> {
    const dueMs = this.#clock.monotonicMs() + timeoutMs;
    for (;;) {
      if (this.#view.leading) return null;
      const answer = await this.#ask(kind, body, this.#timeLeft(dueMs, false));
      if (answer !== null) return answer;
      await this.#pause(dueMs);
    }
  }

  /** The leader's answer; null where it was certainly not asked. */
  async #ask(kind: RequestKind, body: Uint8Array, timeoutMs: number): Promise<Uint8Array | null> {
    const { leader, memberId } = this.#view;
    if (leader === 0 || leader === memberId) return null;
    try {
      return await this.#transport.request(leader, kind, body, timeoutMs);
    } catch (error) {
      if (!(error instanceof PeerRequestError)) throw error;
      if (error.sent) throw outcomeUnknown(error.message);
      return null;
    }
  }

  /** The leader's side: executes a command that a member sent. */
  async serve(body: Uint8Array): Promise<Uint8Array> {
    // The sender is a member that made the envelope with the same code.
    const envelope = parseObject(body)['envelope'];
    if (!isEnvelope(envelope)) throw new WireError('not a command');
    const dueMs = this.#clock.monotonicMs() + envelope.timeoutMs;
    if (!(await this.#leadsWithin(envelope.timeoutMs))) {
      return encodeJson({ error: 'not_leader', message: 'not the leader' });
    }
    const timeoutMs = Math.max(0, dueMs - this.#clock.monotonicMs());
    try {
      return encodeJson({ outcome: await this.#execute({ ...envelope, timeoutMs }) });
    } catch (error) {
      if (error instanceof EngineError || error instanceof ConsensusError) {
        return encodeJson({ error: error.code, message: error.message });
      }
      this.#tellUnexpected(envelope, error);
      return encodeJson({ error: 'internal', message: INTERNAL });
    }
  }

  /** The sender gets no reason, which may tell more than its caller is to know. */
  #tellUnexpected({ command: { kind, model } }: CommandEnvelope, error: unknown): void {
    const fields = { model, operation: kind, trace: traceOf(error) };
    this.#logger.error(fields, 'a command of another member failed unexpectedly');
  }

  /**
   * Waits where this member was just elected and has not applied the first entry of its term: it
   * will answer sooner than the sender would find out by asking again.
   */
  async #leadsWithin(timeoutMs: number): Promise<boolean> {
    const dueMs = this.#clock.monotonicMs() + timeoutMs;
    const { memberId } = this.#view;
    while (!this.#view.leading && this.#view.leader === memberId) {
      const leftMs = dueMs - this.#clock.monotonicMs();
      if (leftMs <= 0) break;
      await this.#changed(leftMs);
    }
    return this.#view.leading;
  }

  #timeLeft(dueMs: number, unsettled: boolean): number {
    const leftMs = dueMs - this.#clock.monotonicMs();
    if (leftMs > 0) return leftMs;
    if (unsettled) throw outcomeUnknown('no leader told what became of it');
    throw new EngineError('unavailable', 'no leader with a quorum was found in time');
  }

  #attempt(envelope: CommandEnvelope, timeoutMs: number): Promise<Attempt<Outcome>> {
    const { leading, leader, memberId } = this.#view;
    if (leading) return this.#attemptHere({ ...envelope, timeoutMs });
    if (leader === 0 || leader === memberId) return Promise.resolve({ kind: 'retry' });
    return this.#attemptThere(leader, { ...envelope, timeoutMs });
  }

  async #attemptHere(envelope: CommandEnvelope): Promise<Attempt<Outcome>> {
    try {
      return { kind: 'done', value: await this.#execute(envelope) };
    } catch (error) {
      if (error instanceof ConsensusError) return { kind: 'retry' };
      if (error instanceof EngineError) return afterEngineError(error.code, error.message);
      throw error;
    }
  }

  async #attemptThere(leader: number, envelope: CommandEnvelope): Promise<Attempt<Outcome>> {
    const body = encodeJson({ envelope: this.#marked(envelope) });
    try {
      const sent = this.#transport.request(leader, 'command', body, envelope.timeoutMs);
      // Another leader can say what became of it; without a key nobody else may be asked.
      return readAnswer(await (envelope.idempotency === null ? sent : this.#unlessMoved(sent)));
    } catch (error) {
      if (!(error instanceof PeerRequestError)) throw error;
      return error.sent ? { kind: 'unknown', reason: error.message } : { kind: 'retry' };
    }
  }

  /** Who reads a trace sees where the request came in. */
  #marked(envelope: CommandEnvelope): CommandEnvelope {
    const { trace } = envelope;
    if (trace === undefined) return envelope;
    return { ...envelope, trace: { ...trace, forwardedBy: this.#view.memberId } };
  }

  #unlessMoved(sent: Promise<Uint8Array>): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const moved = (): void => reject(new PeerRequestError(true, 'the leader changed'));
      const cancel = this.#view.onceChanged(moved);
      sent.then(resolve, reject).finally(cancel);
    });
  }

  /** Until the leader changes, or a little while. */
  #pause(dueMs: number): Promise<void> {
    const { leader, leading } = this.#view;
    const leftMs = Math.max(0, dueMs - this.#clock.monotonicMs());
    return this.#changed(leader === 0 && !leading ? leftMs : Math.min(RETRY_MS, leftMs));
  }

  /** Until leader or role change, but at most so long. */
  #changed(waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        cancel();
        timer.cancel();
        resolve();
      };
      const cancel = this.#view.onceChanged(done);
      const timer = this.#clock.after(waitMs, done);
    });
  }
}

/** The leader is still busy with an earlier attempt of this very request. */
function isOwnTwin(outcome: Outcome): boolean {
  return outcome.kind === 'rejected' && outcome.code === 'idempotency_in_progress';
}

function readAnswer(body: Uint8Array): Attempt<Outcome> {
  const answer = parseObject(body);
  const outcome = answer['outcome'];
  if (isOutcome(outcome)) return { kind: 'done', value: outcome };
  return afterError(answer);
}

function afterError(answer: UnknownObject): Attempt<Outcome> {
  const code = answer['error'];
  const message = String(answer['message']);
  if (code === 'outcome_unknown') return { kind: 'unknown', reason: message };
  if (code === 'overloaded' || code === 'out_of_space' || code === 'internal') {
    throw new EngineError(code, message);
  }
  return { kind: 'retry' };
}

function afterEngineError(code: EngineError['code'], message: string): Attempt<Outcome> {
  if (code === 'outcome_unknown') return { kind: 'unknown', reason: message };
  if (code === 'unavailable') return { kind: 'retry' };
  throw new EngineError(code, message);
}

function isEnvelope(value: unknown): value is CommandEnvelope {
  return typeof value === 'object' && value !== null && 'command' in value && 'actor' in value;
}

function isOutcome(value: unknown): value is Outcome {
  return typeof value === 'object' && value !== null && 'kind' in value;
}

function outcomeUnknown(reason: string): EngineError {
  return new EngineError('outcome_unknown', `the write may take effect: ${reason}`);
}
