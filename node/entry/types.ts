import type { Actor, IdempotencyKey, MemberRecord } from '../ports/index.ts';
import type { Stamp } from './stamp.ts';

/**
 * What apply means today; an entry that asks for a later one stops the member that is too old. An
 * entry asks for the least one that it needs: 2 for the names of events and for compactions, 3 for
 * being in force as such, 4 for members with a region and for model changes, which until then took
 * effect at once whatever indexes they needed, and for writes that nodes took by themselves, 5 for
 * archives that moved to the cold store and for rules of history that are remembered, 6 for models
 * with indexes over several fields, 7 for models whose rows can be restored, for computed fields, for
 * indexes over some of the rows and for values that are unique forever.
 *
 * Which version is in force is part of the replicated state: the leader raises it once every member
 * can follow. Whatever changes what apply means asks the state for it.
 */
export const APPLY_VERSION = 7;

/** The least version in force that this binary can take part in: it supports N and N - 1. */
export const OLDEST_APPLY_VERSION = APPLY_VERSION - 1;

/** Most changes that one entry may carry. */
export const MAX_CHANGES = 1000;

/** Who asked, as the log keeps it: no roles, they are decided before a command is executed. */
export type EntryActor = Pick<Actor, 'subject' | 'method'>;

/**
 * What a write does to one aggregate. `expectedVersion` is that of the aggregate before, live or
 * deleted; 0 where the id was never used. A created or updated one gets the next version.
 */
export type Change = PutChange | RowChange;

/** Sets a row. */
export interface PutChange {
  readonly effect: 'created' | 'updated';
  readonly model: string;
  readonly id: string;
  readonly expectedVersion: number;
  /** Serialized JSON with every field, in the order of the schema. */
  readonly json: string;
  /** In the order of the model's indexed fields. */
  readonly keys: readonly string[];
  /** Declared events that the change is; absent for none: it has its default name. */
  readonly events?: readonly string[];
}

/** Deletes a row; or finds it as it should be, which is worth an entry only for its outcome. */
export interface RowChange {
  readonly effect: 'deleted' | 'unchanged';
  readonly model: string;
  readonly id: string;
  readonly expectedVersion: number;
  /** As of a put. */
  readonly events?: readonly string[];
}

/** Whether a change sets its row. */
export function isPut(change: Change): change is PutChange {
  return change.effect === 'created' || change.effect === 'updated';
}

/** The effects of one command, all of them or none. Each aggregate appears once. */
export interface WriteEntry {
  readonly kind: 'write';
  /** The member that executed the command. */
  readonly memberId: number;
  /** Its clock, epoch milliseconds. */
  readonly timestampMs: number;
  /** The schema that the changes were made under. */
  readonly schemaVersion: number;
  readonly actor: EntryActor;
  readonly idempotency: IdempotencyKey | null;
  readonly changes: readonly Change[];
}

/**
 * A model change: taken where the schema version is still the expected one. Where it needs an index
 * that must look at every row, all members prepare it, and an `activate` entry puts it in force.
 */
export interface SchemaEntry {
  readonly kind: 'schema';
  readonly memberId: number;
  readonly timestampMs: number;
  readonly expectedSchemaVersion: number;
  /** The next schema in its canonical JSON. */
  readonly schemaJson: string;
  /** From a log of before there was `activate`: in force at once. */
  readonly atOnce?: boolean;
  /** The apply version that its schema needs; absent where it needs none that is later than this kind. */
  readonly needs?: number;
}

/** Puts the model change that is being prepared in force. */
export interface ActivateEntry {
  readonly kind: 'activate';
  readonly memberId: number;
  readonly timestampMs: number;
  /** The version that the schema has from then on. */
  readonly schemaVersion: number;
}

/** Adds a member with the next id, or replaces what the table says of a present one. */
export interface MemberEntry {
  readonly kind: 'member';
  readonly member: MemberRecord;
}

/** Removes a member for ever: its id is not used again. */
export interface MemberRemovalEntry {
  readonly kind: 'memberRemoval';
  readonly memberId: number;
}

/**
 * Seals what history has remembered so far, so that it can be archived, and moves log time on.
 * Takes effect where the generation is still the one that grows.
 */
export interface CompactEntry {
  readonly kind: 'compact';
  readonly memberId: number;
  readonly timestampMs: number;
  readonly generation: number;
  /** What earlier generations came to on the member that proposes this. */
  readonly digests: readonly GenerationDigest[];
}

/** A hash over the plain text of all archives of a generation. */
export interface GenerationDigest {
  readonly generation: number;
  /** sha256, hex. */
  readonly digest: string;
}

/** Puts an apply version in force, where it is the next one. Asks for that version itself. */
export interface ApplyVersionEntry {
  readonly kind: 'applyVersion';
  readonly to: number;
}

/**
 * What a write that a node took by itself does to one aggregate. Whether it takes effect is decided
 * by its stamp when it is applied, so it expects nothing.
 */
export type LocalChange = LocalPut | LocalDelete | UnfitChange;

/** Sets a row, whatever there is. */
export interface LocalPut {
  readonly effect: 'put';
  readonly model: string;
  readonly id: string;
  /** Serialized JSON with every field, in the order of the schema. */
  readonly json: string;
  /** In the order of the model's indexed fields. */
  readonly keys: readonly string[];
  /** Declared events that the change is, as the node saw it that took it; absent for none. */
  readonly events?: readonly string[];
}

/** Deletes a row, whatever there is. */
export interface LocalDelete {
  readonly effect: 'deleted';
  readonly model: string;
  readonly id: string;
  /** As of a put. */
  readonly events?: readonly string[];
}

/** A change that the model does not allow any more: it is remembered, and has no other effect. */
export interface UnfitChange {
  readonly effect: 'unfit';
  readonly model: string;
  readonly id: string;
  /** The row that was written, under the model of then; null for a deletion. */
  readonly json: string | null;
}

/** One command as a node took it: all of its changes are ordered together. */
export interface LocalWrite {
  readonly stamp: Omit<Stamp, 'memberId'>;
  readonly actor: EntryActor;
  readonly idempotency: IdempotencyKey | null;
  readonly changes: readonly LocalChange[];
}

/** Writes that a member took by itself, in the order of its outbox, brought into the log. */
export interface LocalWritesEntry {
  readonly kind: 'localWrites';
  /** The member that proposed the entry. */
  readonly memberId: number;
  readonly timestampMs: number;
  /** The schema that the changes fit. */
  readonly schemaVersion: number;
  /** The member that took the writes. */
  readonly origin: number;
  /** Place of the first in its outbox, from 1; the others follow. */
  readonly firstSequence: number;
  readonly writes: readonly LocalWrite[];
}

/**
 * An archive in the cold store. The objects of a model lie behind each other in log time: one holds
 * all that is kept of the versions behind the object before it, up to its own end.
 */
export interface ColdObject {
  /** Of the object, below what the store puts before all names. */
  readonly name: string;
  /** Log time, epoch milliseconds, of the last version that it may hold. */
  readonly upToMs: number;
  /** Log time of the oldest version in it. */
  readonly oldestMs: number;
  readonly records: number;
  readonly bytes: number;
  /** sha256 (hex) of the object. */
  readonly sha256: string;
  /** sha256 (hex) of its blocks before compression: the same on members that hold the same. */
  readonly digest: string;
}

/**
 * Changes which archives of a model are in the cold store. Takes effect where all that it takes out
 * stand there beside each other, and what it puts in is in order.
 */
export interface ColdEntry {
  readonly kind: 'cold';
  readonly memberId: number;
  readonly timestampMs: number;
  readonly model: string;
  /** Names of objects that go. */
  readonly removed: readonly string[];
  /** What takes their place; or stands at the end where none goes. */
  readonly added: readonly ColdObject[];
}

export type Entry =
  | WriteEntry
  | SchemaEntry
  | MemberEntry
  | MemberRemovalEntry
  | CompactEntry
  | ActivateEntry
  | ApplyVersionEntry
  | LocalWritesEntry
  | ColdEntry;
