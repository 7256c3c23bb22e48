import type { FieldError, RejectionCode } from '../ports/index.ts';

interface ProblemKind {
  readonly status: number;
  readonly title: string;
}

/** Every problem that the API answers: code → status and title. The only such table. */
export const PROBLEMS = {
  malformed_request: { status: 400, title: 'The request is not well-formed HTTP' },
  bad_percent_encoding: { status: 400, title: 'The URL is not correctly percent-encoded' },
  bad_header: { status: 400, title: 'A request header has an unreadable value' },
  bad_token: { status: 400, title: 'The session token is not one of ours' },
  bad_cursor: { status: 400, title: 'The cursor is not one of ours, or of another query' },
  malformed_json: { status: 400, title: 'The body is not correct JSON' },
  too_deep: { status: 400, title: 'The body nests too deeply' },
  too_many_items: { status: 400, title: 'The body holds too many items' },
  invalid: { status: 400, title: 'The body does not fit the model' },
  invalid_query: { status: 400, title: 'The query does not fit the model' },
  not_kept: { status: 400, title: 'The model does not make this promise' },
  not_supported_yet: { status: 400, title: 'This part of the contract is not supported yet' },
  unauthorized: { status: 401, title: 'Credentials are missing or wrong' },
  forbidden: { status: 403, title: 'The caller may not do this' },
  forbidden_field: { status: 403, title: 'The caller may not set this field' },
  not_found: { status: 404, title: 'There is no such aggregate' },
  unknown_route: { status: 404, title: 'There is no such route' },
  method_not_allowed: { status: 405, title: 'The route does not take this method' },
  not_acceptable: { status: 406, title: 'The answer has no representation that is accepted' },
  request_timeout: { status: 408, title: 'The request did not arrive in time' },
  already_exists: { status: 409, title: 'The id is taken' },
  unique_conflict: { status: 409, title: 'A unique value is taken' },
  missing_reference: { status: 409, title: 'A reference points to nothing' },
  still_referenced: { status: 409, title: 'Other aggregates refer to this one' },
  cascade_too_large: { status: 409, title: 'Too many aggregates would go with this one' },
  sequence_exhausted: { status: 409, title: 'A sequence has no more numbers' },
  transition_refused: { status: 409, title: 'A field cannot go to this state' },
  idempotency_in_progress: { status: 409, title: 'A request with this key is still running' },
  patch_conflict: { status: 409, title: 'The patch does not fit what is there' },
  version_conflict: { status: 409, title: 'Another write came first' },
  pruned: { status: 410, title: 'This version is not kept any more' },
  precondition_failed: { status: 412, title: 'A precondition of the request does not hold' },
  body_too_large: { status: 413, title: 'The body is too large' },
  uri_too_long: { status: 414, title: 'The URL is too long' },
  unsupported_media_type: { status: 415, title: 'The body has a media type that is not taken' },
  computed_field: { status: 422, title: 'A computed field is not sent' },
  immutable_field: { status: 422, title: 'A field that never changes would change' },
  rule_broken: { status: 422, title: 'A rule of the model does not hold' },
  idempotency_key_reuse: { status: 422, title: 'The key was used for another request' },
  headers_too_large: { status: 431, title: 'The request head is too large' },
  internal: { status: 500, title: 'The node failed to answer' },
  unavailable: { status: 503, title: 'The node cannot answer at the moment' },
  overloaded: { status: 503, title: 'The node has too much to do at the moment' },
  schema_changed: { status: 503, title: 'The model changed meanwhile' },
  outcome_unknown: { status: 504, title: 'The write may or may not take effect' },
  out_of_space: { status: 507, title: 'The disk has too little free space for writes' },
} as const satisfies Record<string, ProblemKind> & Record<RejectionCode, ProblemKind>;

/** Stable: clients and tests rely on them. */
export type ProblemCode = keyof typeof PROBLEMS;

export const PROBLEM_CONTENT_TYPE = 'application/problem+json';

/** A part of the request that was refused; of a query parameter, the pointer is empty. */
export interface RequestError extends FieldError {
  readonly parameter?: string;
}

/** The exit of a request that cannot be done: the error handler of the pipeline renders it. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly errors: readonly RequestError[];
  /** More response headers, as name and value in turn. */
  readonly headers: readonly string[];
  /** Whether the connection has to end with the answer, because the body was not read. */
  readonly closes: boolean;

  constructor(code: ProblemCode, detail: string, options: ProblemOptions = {}) {
    super(detail);
    this.name = 'Problem';
    this.code = code;
    const { errors = [] } = options;
    this.errors = errors.length === 0 ? wholeRequest(code, detail) : errors;
    this.headers = options.headers ?? [];
    this.closes = options.closes ?? false;
  }

  get status(): number {
    return PROBLEMS[this.code].status;
  }
}

export interface ProblemOptions {
  readonly errors?: readonly RequestError[];
  readonly headers?: readonly string[];
  readonly closes?: boolean;
}

/** Every 400 and 422 names its errors; one without a place in the body is about all of it. */
function wholeRequest(code: ProblemCode, message: string): readonly RequestError[] {
  const { status } = PROBLEMS[code];
  return status === 400 || status === 422 ? [{ pointer: '', code, message }] : [];
}

/** The body of a problem (RFC 9457, section 3); `traceId` is what the log calls its request. */
export function problemJson(
  code: ProblemCode,
  detail: string,
  errors: readonly RequestError[] = wholeRequest(code, detail),
  traceId?: string,
): string {
  const { status, title } = PROBLEMS[code];
  const trace = traceId === undefined ? {} : { trace_id: traceId };
  const base = { type: 'about:blank', title, status, detail, code, ...trace };
  return JSON.stringify(errors.length === 0 ? base : { ...base, errors });
}
