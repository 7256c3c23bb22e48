import type { ModelSchema, Problem, Schema } from '@lithair/crds';
import type { FieldCipher } from '../encryption/index.ts';
import type {
  Actor,
  FieldError,
  JsonObject,
  Outcome,
  RejectionCode,
  WeakDurability,
  WrittenAggregate,
} from '../ports/index.ts';

/** What opens and seals the encrypted fields of a schema; null where it has none. */
export type FieldCipherOf = (schema: Schema) => FieldCipher | null;

/** Draws random bytes; an argument, because this room draws none itself. */
export type RandomBytes = (size: number) => Uint8Array;

/**
 * What the session remembers of one proposal until it is applied or dropped. Opaque to callers;
 * `index` is 0 until the proposal has its place in the log.
 */
export interface Ticket {
  readonly index: number;
  /** Of its idempotency key; null for none. */
  readonly scope: string | null;
  /** Set where the model lets the answer come before a majority has the entry. */
  readonly foreseen: Foreseen | null;
}

/** What apply will make of a proposal while this leadership lasts: it was decided on all before it. */
export interface Foreseen {
  readonly durability: WeakDurability;
  readonly effect: 'created' | 'updated' | 'unchanged' | 'deleted';
  readonly aggregates: readonly WrittenAggregate[];
}

/**
 * What came of executing a command on the leader.
 *
 * `outcome`: nothing is to be proposed. The answer may be given once two things hold. First, this
 * member has applied `dependsOnIndex` in the term it leads (0: nothing to wait for), because the
 * answer was computed on writes that are proposed and not committed. Second, where `confirm` is
 * set, a ReadIndex begun after the execution has succeeded, because a leader that was cut off may
 * answer from a state that is no longer the newest. Where either fails, nothing has happened: the
 * command may be tried again (`unavailable`).
 *
 * `propose`: `data` is to be proposed, and `proposed` or `dropped` called, before the next
 * `execute`. Its outcome is what apply returns.
 */
export type Execution =
  | {
      readonly kind: 'outcome';
      readonly outcome: Outcome;
      readonly dependsOnIndex: number;
      readonly confirm: boolean;
    }
  | {
      readonly kind: 'propose';
      readonly data: Uint8Array;
      readonly ticket: Ticket;
      /** When the answer may be given; before apply has decided, it is what `foresee` tells. */
      readonly durability: 'quorum' | WeakDurability;
    };

/** What a model change would do. `propose`: as with a command, see {@link Execution}. */
export type SchemaPlan =
  | { readonly kind: 'same'; readonly schemaVersion: number }
  | { readonly kind: 'breaking'; readonly reasons: readonly Problem[] }
  /** It is decided already, and its indexes are being built. */
  | { readonly kind: 'preparing'; readonly schemaVersion: number }
  /** Another model change is proposed or being prepared. */
  | { readonly kind: 'in_progress' }
  | { readonly kind: 'additive'; readonly changes: readonly string[]; readonly next: Schema };

/** What came of asking the session for a model change. */
export type SchemaExecution =
  | Exclude<SchemaPlan, { kind: 'additive' }>
  | {
      readonly kind: 'propose';
      readonly changes: readonly string[];
      readonly data: Uint8Array;
      readonly ticket: Ticket;
    };

/**
 * Merges a patch into a row and checks the result, as the validation room does it; handed in,
 * because that room stands before this one. Pure.
 */
export type MergePatch = (schema: Schema, model: ModelSchema, patch: PatchOfRow) => MergedRow;

/** A patch, and the row as it is. */
export interface PatchOfRow {
  readonly id: string;
  /** Serialized JSON. */
  readonly before: string;
  readonly format: 'merge' | 'json';
  readonly patch: string;
  /** Fields that are for the owner of the row, where the caller is another; null: none. */
  readonly scope: { readonly unseen: readonly string[]; readonly closed: readonly string[] } | null;
}

/** A whole body in canonical form, or why there is none. */
export type MergedRow =
  | { readonly ok: true; readonly body: JsonObject }
  | {
      readonly ok: false;
      readonly code: Extract<
        RejectionCode,
        'invalid' | 'immutable_field' | 'patch_conflict' | 'forbidden_field'
      >;
      readonly errors: readonly FieldError[];
    };

/**
 * What the caller may do with single rows, and which fields they know, as the access room says;
 * handed in, because that room stands before this one. Pure.
 */
export interface RowAccess {
  /** Null where the caller may do the same with all rows of the model. */
  judge(schema: Schema, model: ModelSchema, actor: Actor): RowJudge | null;
  closed(schema: Schema, model: ModelSchema, actor: Actor): ClosedFields;
}

/** Fields of a model that are not all there for a caller. */
export interface ClosedFields {
  /** They may not read them. */
  readonly unreadable: ReadonlySet<string>;
  /** Of these, what they may not write either: nothing names them. */
  readonly unknown: ReadonlySet<string>;
}

/** Judges the rows of one model for one caller. */
export interface RowJudge {
  /** `hidden`: the caller must not learn that the row is there. */
  existing(operation: 'update' | 'delete', row: JsonObject): 'open' | 'forbidden' | 'hidden';
  /** Whether the caller may leave a row like this; `before` is null where it is new. */
  written(row: JsonObject, before: JsonObject | null): boolean;
}
