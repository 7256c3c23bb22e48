import type { JsonValue } from '@lithair/crds';
import type { Consistency } from '../../ports/index.ts';

/** One aggregate as the API shows it: every field of its model. */
export type Row = Readonly<Record<string, JsonValue>>;

/**
 * The field that every body of every write sets, to a text that no other body has: so a row that
 * is seen anywhere names the write that made it.
 */
export const STAMP = 'stamp';

/** A place in one run. `order` counts every beginning and end of a request: no two are equal. */
export interface Moment {
  /** Virtual milliseconds since the beginning of the run. */
  readonly ms: number;
  readonly order: number;
}

/** What a client asked for. Bodies are whole: with the id, and with every field that is set. */
export type Call = Write | Read;

export type Write =
  /** POST; `id` is null where the server makes one. */
  | {
      readonly kind: 'create';
      readonly model: string;
      readonly id: string | null;
      readonly body: Row;
    }
  /** POST of an array: all or none. Every body has its id. */
  | { readonly kind: 'bulk'; readonly model: string; readonly bodies: readonly Row[] }
  | {
      readonly kind: 'put';
      readonly model: string;
      readonly id: string;
      readonly body: Row;
      /** Version that `If-Match` names. */
      readonly ifMatch: number | null;
      /** `If-None-Match: *`. */
      readonly onlyIfAbsent: boolean;
    }
  /** JSON Merge Patch. */
  | {
      readonly kind: 'patch';
      readonly model: string;
      readonly id: string;
      readonly body: Row;
      readonly ifMatch: number | null;
    }
  | {
      readonly kind: 'delete';
      readonly model: string;
      readonly id: string;
      readonly ifMatch: number | null;
    };

export type Read =
  | {
      readonly kind: 'read';
      readonly model: string;
      readonly id: string;
      readonly consistency: Consistency;
      /** `Lithair-Min-Index` as it was sent. */
      readonly minToken: string | null;
    }
  | {
      readonly kind: 'list';
      readonly model: string;
      /** Equality with one field; null for all rows. */
      readonly filter: { readonly field: string; readonly value: string } | null;
      readonly consistency: Consistency;
      readonly minToken: string | null;
    };

/** What a client knows of a request in the end. */
export type Result =
  | {
      readonly kind: 'ok';
      /** `Lithair-Version`; null where the answer has none (deletes, lists, bulks, absent rows). */
      readonly version: number | null;
      /** The rows that came back: one of a write or a read, none of a delete or an absent row. */
      readonly rows: readonly Row[];
      /** `Lithair-Index`; null where the answer has none. */
      readonly token: string | null;
      /** What `Lithair-Durability` promises; `quorum` where it says nothing. */
      readonly durability: 'quorum' | 'leader';
      readonly replayed: boolean;
    }
  /** Certainly without effect; `code` is the problem's. */
  | { readonly kind: 'failed'; readonly code: string }
  /** A write that may have happened, or may still happen. */
  | { readonly kind: 'unknown'; readonly reason: string };

/** One request over the wire. */
export interface Try {
  readonly node: number;
  readonly sent: Moment;
  /** Null where no answer came. */
  readonly answered: Moment | null;
  readonly result: Result;
}

/** One operation of one client, with all the tries that it took. */
export interface Operation {
  readonly client: number;
  /** Sessions hand the newest token that they saw to their next sequential read. */
  readonly session: number | null;
  readonly idempotencyKey: string | null;
  readonly call: Call;
  readonly tries: readonly Try[];
  readonly invoked: Moment;
  /** Null where the outcome never became known: such a write may take effect at any later time. */
  readonly completed: Moment | null;
  readonly result: Result;
}

/** One row of a state, past the API. */
export interface HeldRow {
  readonly version: number;
  readonly row: Row;
}

/** What one node holds at the end, when all nodes are well and nothing is under way. */
export interface FinalState {
  readonly node: number;
  readonly appliedIndex: number;
  /** Rows by model and id. */
  readonly models: ReadonlyMap<string, ReadonlyMap<string, HeldRow>>;
}

/** What must hold in every state. */
export type Constraint =
  | { readonly kind: 'unique'; readonly model: string; readonly field: string }
  | {
      readonly kind: 'reference';
      readonly model: string;
      readonly field: string;
      readonly to: string;
    };

/** Everything that the checkers look at. Operations stand in the order in which they began. */
export interface History {
  readonly operations: readonly Operation[];
  readonly finalStates: readonly FinalState[];
  readonly constraints: readonly Constraint[];
}

/** A promise that was broken. */
export interface Violation {
  /** The check that found it, e.g. `linearizable`. */
  readonly check: string;
  /** One sentence for a person. */
  readonly message: string;
  /** The aggregate it is about, where it is about one. */
  readonly key: { readonly model: string; readonly id: string } | null;
  /** The operations that show it. */
  readonly operations: readonly Operation[];
}
