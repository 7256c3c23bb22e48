import type { Schema } from '@lithair/crds';
import type { EntryActor, WriteEntry } from '../entry/index.ts';
import type { MemberRecord, Outcome } from '../ports/index.ts';

/** What the first member of a cluster begins with, before its first entry. */
export interface InitialState {
  readonly clusterId: string;
  /** 1; a restore from a backup begins a new one. */
  readonly epoch: number;
  readonly schema: Schema;
  readonly members: readonly MemberRecord[];
  /** In force from the beginning; default the latest. */
  readonly applyVersion?: number;
  /** Begin of log time, epoch milliseconds. */
  readonly nowMs: number;
}

/** What came of a model change. */
export type SchemaOutcome =
  | { readonly kind: 'applied'; readonly schemaVersion: number; readonly fingerprint: string }
  /** All members build the indexes that it needs; then an `activate` entry puts it in force. */
  | { readonly kind: 'preparing'; readonly schemaVersion: number; readonly fingerprint: string }
  | {
      readonly kind: 'rejected';
      /**
       * `version_conflict`: another model change came first; `in_progress`: one is being prepared;
       * `invalid`: it drops a model.
       */
      readonly code: 'version_conflict' | 'in_progress' | 'invalid';
      readonly message: string;
    };

/** A model change that is decided, and not in force until the indexes that it needs are built. */
export interface PendingChange {
  readonly schema: Schema;
  readonly fingerprint: string;
  /** What it will be in force as. */
  readonly schemaVersion: number;
}

/** How far this member is with the model change that is being prepared. */
export interface Preparation extends PendingChange {
  /** Rows that the indexes have taken in, and rows of the models that get one. */
  readonly prepared: number;
  readonly total: number;
}

/** What came of a change of the member table. */
export type MemberOutcome =
  | { readonly kind: 'applied' }
  | {
      readonly kind: 'rejected';
      /** `invalid`: an id out of turn or used before; `not_found`: no such member. */
      readonly code: 'invalid' | 'not_found';
      readonly message: string;
    };

/** What came of writes that a member took by itself. */
export type LocalWritesOutcome =
  | {
      readonly kind: 'ordered';
      readonly origin: number;
      /** All of the member's outbox up to here is ordered. */
      readonly through: number;
      /** Changes that lost to a later stamp. */
      readonly conflicts: number;
      /** Changes that the model does not allow any more. */
      readonly unfit: number;
      /** Requests that were ordered before, from another node. */
      readonly repeated: number;
    }
  | {
      readonly kind: 'refused';
      readonly origin: number;
      /** `not_a_member`: removed; `schema_changed`: made under another schema; `gap`: some before it are missing. */
      readonly code: 'not_a_member' | 'schema_changed' | 'gap';
      readonly through: number;
    };

/** Who made a change, and under which schema. */
export type WriteAuthor = Pick<WriteEntry, 'actor' | 'memberId' | 'schemaVersion'>;

/** A change as it is recorded. */
export interface RowVersion {
  readonly effect: StateEvent['effect'];
  readonly model: string;
  /** Its names; absent for the default one. */
  readonly events?: readonly string[];
}

/** What an entry did. `none`: it carried nothing, as the first entry of a term does. */
export type ApplyResult =
  | { readonly kind: 'none' }
  | { readonly kind: 'write'; readonly outcome: Outcome }
  | { readonly kind: 'schema'; readonly outcome: SchemaOutcome }
  | { readonly kind: 'member'; readonly outcome: MemberOutcome }
  /** `raised`: whether another apply version is in force since. */
  | { readonly kind: 'applyVersion'; readonly raised: boolean }
  /** `sealed`: whether a generation of history was sealed. */
  | { readonly kind: 'compact'; readonly sealed: boolean }
  | { readonly kind: 'localWrites'; readonly outcome: LocalWritesOutcome }
  /** `changed`: whether the list of what is in the cold store is now the wanted one. */
  | { readonly kind: 'cold'; readonly changed: boolean };

/** One accepted change of one aggregate: a record of the event log. */
export interface StateEvent {
  /** From 1, without gaps, over all models. */
  readonly sequence: number;
  readonly index: number;
  /** Position among the changes of its entry. */
  readonly subIndex: number;
  /** Such as `ProductCreated`, or a name that the model declares. */
  readonly type: string;
  /** `overridden`: a write of an eventual model that lost, and changed nothing. */
  readonly effect: 'created' | 'updated' | 'deleted' | 'overridden';
  readonly model: string;
  readonly id: string;
  readonly version: number;
  /** Log time, epoch milliseconds. */
  readonly timestampMs: number;
  readonly actor: EntryActor;
  readonly memberId: number;
  readonly schemaVersion: number;
  /** Serialized aggregate; null after a delete. */
  readonly json: string | null;
  /** The row that it replaced or deleted, as it was stored; null where there was none. */
  readonly before: { readonly version: number; readonly json: string } | null;
}

/**
 * Is told every accepted event, in order, while its entry is applied. Must not throw. Where there
 * is no sink, no event is made and no old row is read.
 */
export type EventSink = (event: StateEvent) => void;

/** How many outcomes are kept for retried requests, and for how long in log time. */
export interface DedupLimits {
  readonly maxRecords: number;
  readonly maxAgeMs: number;
}

/** The cluster that a restored state belongs to. */
export interface Refounding {
  readonly clusterId: string;
  readonly epoch: number;
  readonly members: readonly MemberRecord[];
  /** Ids that were given to others before, and never come back; none for another cluster. */
  readonly removedIds?: readonly number[];
  /** Whether it takes over what was archived; else history begins with what is in memory. */
  readonly keepsArchives: boolean;
}

/** Everything replicated that is not a table of its own. */
export interface StateHead {
  readonly clusterId: string;
  readonly epoch: number;
  readonly schema: Schema;
  readonly schemaVersion: number;
  readonly appliedIndex: number;
  readonly logTimeMs: number;
  readonly eventSequence: number;
  /** The next schema, where it is decided and not in force; null otherwise. */
  readonly pendingSchema: Schema | null;
  /** The apply version in force. */
  readonly applyVersion: number;
}
