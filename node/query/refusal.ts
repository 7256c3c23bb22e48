/** Why a query is refused as a whole; the http room has a status for each. */
export type QueryRefusalCode = 'invalid_query' | 'bad_cursor' | 'not_supported_yet';

/** A query that cannot be answered, with the parameter that is at fault. */
export class QueryRefusal extends Error {
  readonly code: QueryRefusalCode;
  readonly parameter: string;
  /** Stable code of the error within the query. */
  readonly reason: string;

  constructor(code: QueryRefusalCode, parameter: string, reason: string, message: string) {
    super(message);
    this.name = 'QueryRefusal';
    this.code = code;
    this.parameter = parameter;
    this.reason = reason;
  }
}
