import type { JsonValue } from '@lithair/crds';
import type { TraceContext } from './trace.ts';

/** A JSON object whose values are in the canonical form of their declared types. */
export type JsonObject = { [key: string]: JsonValue };

/** Who asks, established once where the request came in: opaque, no names or addresses. */
export interface Actor {
  /** Opaque subject id; `anonymous` where the model's auth mode is open. */
  readonly subject: string;
  /** How it was authenticated. */
  readonly method: 'none' | 'apiKey' | 'jwt' | 'certificate';
  readonly roles: readonly string[];
}

/** What a caller may not do with fields of a row; not there where nothing is forbidden. */
export interface FieldRights {
  /** Absent from a replacement, these keep their value: the caller may not read or not write them. */
  readonly kept: readonly string[];
  /** These must not change: the caller may not write them. */
  readonly locked: readonly string[];
  /** What is forbidden besides in rows that the caller does not own; absent where nothing is. */
  readonly unowned?: UnownedRights;
}

/** What only the owner of a row may do with its fields, and the caller may do as such alone. */
export interface UnownedRights {
  readonly kept: readonly string[];
  readonly locked: readonly string[];
  /** Not read: nothing may be told of them. */
  readonly unseen: readonly string[];
}

/**
 * A wish to change state. Bodies have passed the validation room against the schema version that
 * the envelope names; what depends on the present state is decided by the command room, on the leader.
 */
export type Command =
  | {
      readonly kind: 'create';
      readonly model: string;
      readonly body: JsonObject;
      readonly rights?: FieldRights;
    }
  | {
      readonly kind: 'replace';
      readonly model: string;
      readonly id: string;
      readonly body: JsonObject;
      /** `If-None-Match: *`: create, and 412 where it exists. */
      readonly onlyIfAbsent: boolean;
      /** Versions that `If-Match` names; null: no condition; `*` becomes `any`. */
      readonly ifMatch: readonly number[] | 'any' | null;
      readonly rights?: FieldRights;
    }
  /** Merged with the present row, and validated, on the leader. */
  | {
      readonly kind: 'patch';
      readonly model: string;
      readonly id: string;
      /** JSON Merge Patch (RFC 7396) or JSON Patch (RFC 6902). */
      readonly format: 'merge' | 'json';
      /** Its JSON text, as the client wrote it: numbers keep their digits. */
      readonly patch: string;
      readonly ifMatch: readonly number[] | 'any' | null;
      readonly rights?: FieldRights;
    }
  | {
      readonly kind: 'delete';
      readonly model: string;
      readonly id: string;
      readonly ifMatch: readonly number[] | 'any' | null;
    }
  /** Of a model whose rows are deleted ones: brings one back into the model that it was of. */
  | {
      readonly kind: 'restore';
      readonly model: string;
      readonly id: string;
      readonly ifMatch: readonly number[] | 'any' | null;
    }
  /** Atomic: all or nothing; pointers of its errors start with the position (`/3/price`). */
  | {
      readonly kind: 'createMany';
      readonly model: string;
      readonly bodies: readonly JsonObject[];
      readonly rights?: FieldRights;
    };

/** Makes a retried write harmless: same scope and fingerprint, same outcome. */
export interface IdempotencyKey {
  /** sha256 (hex) of subject, method, path and the client's key. */
  readonly scope: string;
  /** sha256 (hex) of the body. */
  readonly fingerprint: string;
}

/** A command on its way to the leader, possibly over the network: JSON-serializable. */
export interface CommandEnvelope {
  readonly command: Command;
  readonly actor: Actor;
  /** The schema version that the body was validated against. */
  readonly schemaVersion: number;
  readonly idempotency: IdempotencyKey | null;
  /** Time left when it was sent on, milliseconds: deadlines travel as durations, clocks differ. */
  readonly timeoutMs: number;
  /** Absent where the request is not recorded. */
  readonly trace?: TraceContext;
}

/** Where and why one part of a request was refused (RFC 6901 pointer into the body). */
export interface FieldError {
  readonly pointer: string;
  readonly code: string;
  readonly message: string;
}

/** Why a command was refused. Each maps to one HTTP status in one table of the http room. */
export type RejectionCode =
  | 'not_found' // 404
  | 'already_exists' // 409
  | 'unique_conflict' // 409
  | 'missing_reference' // 409
  | 'still_referenced' // 409
  | 'cascade_too_large' // 409
  | 'sequence_exhausted' // 409
  | 'transition_refused' // 409: the state machine of a field has no such transition, or not now
  | 'idempotency_in_progress' // 409
  | 'idempotency_key_reuse' // 422
  | 'precondition_failed' // 412
  | 'immutable_field' // 422
  | 'rule_broken' // 422
  | 'computed_field' // 422: sent with a value that it does not have
  | 'forbidden' // 403: this row is not the caller's to write
  | 'forbidden_field' // 403
  | 'invalid' // 400: a patched row does not fit; else the leader's schema is newer
  | 'patch_conflict' // 409: a patch does not fit what is there
  | 'version_conflict' // 409: lost a race across a change of leader; safe to retry
  | 'schema_changed'; // 503: the schema moved on while the command was on its way; safe to retry

/** One aggregate as a command left it. */
export interface WrittenAggregate {
  readonly id: string;
  /** 0 while the write is not ordered. */
  readonly version: number;
  /** Its serialized JSON; null after a delete. */
  readonly json: string | null;
}

/** Answered once the leader has it on disk, or before that. */
export type WeakDurability = 'leader' | 'periodic';

/** What came of a command. JSON-serializable: it may travel back from the leader. */
export type Outcome =
  | {
      readonly kind: 'applied';
      /** Log index at which it became visible. */
      readonly index: number;
      readonly effect: 'created' | 'updated' | 'unchanged' | 'deleted';
      /** One, or as many as `createMany` brought, in order. */
      readonly aggregates: readonly WrittenAggregate[];
      /** True where an earlier request with the same idempotency key was already applied. */
      readonly replayed: boolean;
      /**
       * `local`: on the disk of the node that took it, and not ordered. The weak ones: answered
       * before a majority had it on disk, so that it may still be lost. Absent: on a quorum's.
       */
      readonly durability?: 'local' | WeakDurability;
    }
  | {
      readonly kind: 'rejected';
      readonly code: RejectionCode;
      readonly message: string;
      readonly errors: readonly FieldError[];
    };
