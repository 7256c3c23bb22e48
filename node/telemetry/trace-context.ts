// W3C Trace Context (https://www.w3.org/TR/trace-context-2/): the headers traceparent and tracestate.
import type { TraceContext, TraceIds } from '../ports/index.ts';

/** What the caller of a request says of the trace that it belongs to. */
export interface CallerTrace extends TraceContext {
  /** Whether the caller records it. */
  readonly sampled: boolean;
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const NO_TRACE = '0'.repeat(32);
const NO_SPAN = '0'.repeat(16);
/** What section 3.3.1.5 asks everybody to be able to pass on. */
const MAX_STATE_LENGTH = 512;
const SAMPLED = 1;
/** Digits of a trace id that decide: as many bits as a double holds exactly. */
const DECIDING_DIGITS = 13;
const DECIDING_RANGE = 2 ** 52;

/** Null where there is no traceparent, or none that can be understood: a new trace begins. */
export function callerTrace(
  traceparent: string | undefined,
  tracestate: string | string[] | undefined,
): CallerTrace | null {
  const found = traceparent === undefined ? null : TRACEPARENT.exec(traceparent);
  const [, version, traceId, spanId, flags, rest] = found ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return null;
  if (version === 'ff' || (version === '00' && rest !== undefined)) return null;
  if (traceId === NO_TRACE || spanId === NO_SPAN) return null;
  const sampled = (Number.parseInt(flags, 16) & SAMPLED) === SAMPLED;
  return { traceId, spanId, sampled, state: stateOf(tracestate) };
}

/** The header of an answer, or of a request to somebody else, that is recorded. */
export function traceparentOf({ traceId, spanId }: TraceIds): string {
  return `00-${traceId}-${spanId}-01`;
}

/**
 * Whether a trace is recorded that nobody decided about. It follows from the id alone, so that
 * everybody with the same rate decides the same.
 *
 * @param rate share of all traces, from 0 to 1
 */
export function isSampled(traceId: string, rate: number): boolean {
  return Number.parseInt(traceId.slice(-DECIDING_DIGITS), 16) < rate * DECIDING_RANGE;
}

function stateOf(header: string | string[] | undefined): string {
  const text = Array.isArray(header) ? header.join(',') : (header ?? '');
  return text.length <= MAX_STATE_LENGTH ? text : '';
}
