import type { Actor } from './command.ts';

/** Who asked a node for what: an entry of its audit log. Never a value of a row or of a filter. */
export interface AuditEntry {
  /** When the node was asked, epoch milliseconds. */
  readonly atMs: number;
  readonly model: string;
  /** As metrics and traces call it. */
  readonly operation: string;
  readonly subject: string;
  readonly method: Actor['method'];
  /** Of the row, or as the URL has it; empty where the request is about several. */
  readonly id: string;
  /** Names of the query's parameters; of filters without what they compare with. */
  readonly parameters: readonly string[];
  /**
   * `begun`: a write, before it takes effect. `allowed`, `denied` (401, 403) and `refused` (anything
   * else that is an error): what came of a request.
   */
  readonly outcome: 'begun' | 'allowed' | 'denied' | 'refused';
  /** HTTP status of the answer; 0 for what has begun. */
  readonly status: number;
}
