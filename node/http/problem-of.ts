import { AuthError } from '../auth/index.ts';
import { EngineError, type LogFields, type Logger, type TraceIds } from '../ports/index.ts';
import { QueryRefusal } from '../query/index.ts';
import { Problem } from './problems.ts';

/** A request, as an error line of the log names it; asked only where there is something to say. */
export type Identify = () => TraceIds & { readonly context: LogFields['context'] };

/**
 * What the caller is told of an error. One that nobody expected is a bug: it is logged, and its
 * message stays inside.
 */
export function problemOf(error: unknown, logger: Logger, identify: Identify): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof EngineError) return new Problem(error.code, error.message);
  if (error instanceof AuthError) {
    const fields = { ...lineOf(identify()), reason: error.message };
    logger.error(fields, 'credentials cannot be checked');
    return new Problem('unavailable', 'Credentials cannot be checked at the moment.');
  }
  if (error instanceof QueryRefusal) {
    const { code, parameter, reason, message } = error;
    const errors = [{ pointer: '', parameter, code: reason, message }];
    return new Problem(code, message, { errors });
  }
  const trace = error instanceof Error ? (error.stack ?? error.message) : String(error);
  logger.error({ ...lineOf(identify()), trace }, 'a request failed unexpectedly');
  return new Problem('internal', 'This is a bug of the server; its log holds the reason.');
}

function lineOf({ traceId, spanId, context }: ReturnType<Identify>): LogFields {
  return { trace_id: traceId, span_id: spanId, context };
}
