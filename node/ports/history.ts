import type { Actor } from './command.ts';

/** A link of the hash chain over the versions of one model, in the order of the log. */
export interface Evidence {
  /** From 1. */
  readonly position: number;
  /** The link before, sha256 in hex; empty for the first. */
  readonly previous: string;
  /** sha256 (hex) over the link before and the version. */
  readonly link: string;
}

/** One version of one aggregate, as an accepted change made it. Immutable. */
export interface VersionRecord {
  readonly id: string;
  readonly version: number;
  /** `overridden`: the write lost to one with a later stamp; the row stayed what it was. */
  readonly effect: 'created' | 'updated' | 'deleted' | 'overridden';
  /** Names of the events that the change is, in the order of the model; at least one. */
  readonly events: readonly string[];
  /** Sequence number of the first of them; the others follow. */
  readonly sequence: number;
  /** Log index of the entry. */
  readonly index: number;
  /** Log time, epoch milliseconds. */
  readonly timeMs: number;
  /** Who changed it; null where the model is not audited. */
  readonly actor: Pick<Actor, 'subject' | 'method'> | null;
  /** The row, or what is kept of it, as serialized JSON; null after a delete. */
  readonly json: string | null;
  /** The row before, or what is kept of it; null where there was none or the model is not audited. */
  readonly before: string | null;
  /** Names of the fields that changed; null where both rows are whole and tell it themselves. */
  readonly changed: readonly string[] | null;
  /** Its place in the chain of its model; null where the model keeps none. */
  readonly evidence: Evidence | null;
}

/** Rules as they are remembered when others take their place. */
export interface KeptRules {
  /** All fields, whatever is said of each. */
  readonly audited: boolean;
  readonly retentionMs: number;
  readonly fields: readonly {
    readonly name: string;
    readonly depth: number;
    readonly expires: boolean;
    readonly audited: boolean;
  }[];
}

/**
 * Rules that kept less than those that came after them. What they did not keep when they ended is
 * gone on every member, whether or not it had removed the bytes by then.
 */
export interface FormerRules {
  readonly model: string;
  /** Null: no history was kept. */
  readonly rules: KeptRules | null;
  /** Log index of the model change that ended them: they judge versions up to it. */
  readonly untilIndex: number;
  /** Log time of that change. */
  readonly untilMs: number;
}

/**
 * Past versions as they are stored on this node, as of the state's applied index. What of them may
 * still be shown is decided by the rules of the model, which the reader applies.
 */
export interface HistoryReader {
  /** Versions of an aggregate below `beforeVersion`, newest first, at most `limit`. */
  versions(
    model: string,
    id: string,
    beforeVersion: number,
    limit: number,
  ): readonly VersionRecord[] | Promise<readonly VersionRecord[]>;
  /** The newest version that is not younger than a log time; undefined where none is stored. */
  asOf(
    model: string,
    id: string,
    timeMs: number,
  ): VersionRecord | undefined | Promise<VersionRecord | undefined>;
  /** Rules of a model that kept less than its present ones, oldest first. */
  formerOf(model: string): readonly FormerRules[];
}
