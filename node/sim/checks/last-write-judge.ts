/** How far ahead of log time a stamp counts, whatever the clock of its node said: ADR 0015. */
const MOST_AHEAD_MS = 60_000;

/** A hybrid logical time without the member that gave it. */
interface Clock {
  readonly wallMs: number;
  readonly counter: number;
}

/** A change of a row of an eventual model, as a member took it and as the log brings it. */
export interface TakenWrite {
  /** Of the entry that orders it. */
  readonly index: number;
  /** Log time there, epoch milliseconds. */
  readonly timeMs: number;
  readonly member: number;
  /** Its place in the outbox of the member. */
  readonly sequence: number;
  readonly clock: Clock;
  readonly id: string;
  /** What names the content, unlike any other; null for a deletion. */
  readonly stamp: string | null;
  /** False: the model does not allow it any more. */
  readonly fits: boolean;
}

/** What the log must make of it. */
export interface JudgedWrite {
  readonly taken: TakenWrite;
  /** The version of the row that it takes, won or lost. */
  readonly version: number;
  readonly wins: boolean;
}

/** A row at some index. */
export interface ShownRow {
  readonly version: number;
  /** Null where there is none. */
  readonly stamp: string | null;
}

type LastOfMember = Pick<TakenWrite, 'index' | 'sequence' | 'clock'>;

interface RowPast {
  readonly writes: JudgedWrite[];
  winner: { readonly clock: Clock; readonly member: number } | null;
}

/**
 * What eventual models promise, computed beside the product: of all writes to a row the one with
 * the greatest stamp is shown, in whatever order the log brings them. Is told of every write in the
 * order of the log.
 */
export class LastWriteJudge {
  /** Stamps that their members should not have given. */
  readonly problems: string[] = [];
  /** Writes whose stamps are not behind what their members had seen when they took them. */
  readonly outrun: string[] = [];
  readonly #rows = new Map<string, RowPast>();
  /** The last write of each member, and the stamp that counts for it. */
  readonly #members = new Map<number, LastOfMember>();
  /** Up to where a member had applied the log when it took a write, by the write's content. */
  readonly #applied = new Map<string, number>();
  /** The greatest stamps so far, rising, and from which index on each is that. */
  readonly #highest: { readonly index: number; readonly clock: Clock }[] = [];

  get ids(): readonly string[] {
    return [...this.#rows.keys()].sort();
  }

  /** All that was written to a row, in the order of the log. */
  writesOf(id: string): readonly JudgedWrite[] {
    return this.#rows.get(id)?.writes ?? [];
  }

  /** A member answers a write, which it took when it had applied the log up to an index. */
  took(stamp: string, appliedIndex: number): void {
    if (!this.#applied.has(stamp)) this.#applied.set(stamp, appliedIndex);
  }

  /** Null for a write that was ordered before: it has no effect. */
  next(taken: TakenWrite): JudgedWrite | null {
    const last = this.#members.get(taken.member);
    // Several rows of one write have one place, and one stamp.
    const isOfLast = last?.sequence === taken.sequence && last.index === taken.index;
    if (last !== undefined && taken.sequence <= last.sequence && !isOfLast) return null;
    this.#requireBehindSeen(taken);
    const clock = isOfLast ? last.clock : this.#count(taken);
    const past = this.#rows.get(taken.id) ?? { writes: [], winner: null };
    this.#rows.set(taken.id, past);
    const version = past.writes.length + 1;
    const wins = taken.fits && isBehind({ clock, member: taken.member }, past.winner);
    if (wins) past.winner = { clock, member: taken.member };
    const judged = { taken, version, wins };
    past.writes.push(judged);
    return judged;
  }

  /** A row as every member shows it once it has applied up to an index. */
  shownAt(id: string, index: number): ShownRow {
    const upToThere = this.writesOf(id).filter(({ taken }) => taken.index <= index);
    const winner = upToThere.findLast(({ wins }) => wins);
    return { version: upToThere.length, stamp: winner?.taken.stamp ?? null };
  }

  #count({ index, member, sequence, clock, timeMs, id }: TakenWrite): Clock {
    const before = this.#members.get(member)?.clock ?? null;
    if (before !== null && compare(clock, before) <= 0) {
      const place = `write ${sequence} of member ${member}, to ${id},`;
      this.problems.push(`${place} has stamp ${tell(clock)}, not behind ${tell(before)} before it`);
    }
    const ceilingMs = timeMs + MOST_AHEAD_MS;
    const bounded = clock.wallMs > ceilingMs ? { wallMs: ceilingMs, counter: 0 } : clock;
    const isLater = before === null || compare(bounded, before) > 0;
    const counted = isLater ? bounded : { ...before, counter: before.counter + 1 };
    this.#members.set(member, { index, sequence, clock: counted });
    const highest = this.#highest.at(-1);
    if (highest === undefined || compare(counted, highest.clock) > 0) {
      this.#highest.push({ index, clock: counted });
    }
    return counted;
  }

  /** Whoever writes on what is there wins over it, whatever its own clock shows. */
  #requireBehindSeen({ stamp, clock, member, sequence, id }: TakenWrite): void {
    const applied = stamp === null ? undefined : this.#applied.get(stamp);
    if (applied === undefined) return;
    const seen = this.#highest.findLast(({ index }) => index <= applied);
    if (seen === undefined || compare(clock, seen.clock) > 0) return;
    const what = `write ${sequence} of member ${member}, to ${id}, has stamp ${tell(clock)}`;
    this.outrun.push(
      `${what}, not behind ${tell(seen.clock)}, which it had applied with index ${seen.index}`,
    );
  }
}

function compare(a: Clock, b: Clock): number {
  return a.wallMs - b.wallMs || a.counter - b.counter;
}

function isBehind(
  write: { readonly clock: Clock; readonly member: number },
  winner: RowPast['winner'],
): boolean {
  if (winner === null) return true;
  return (compare(write.clock, winner.clock) || write.member - winner.member) > 0;
}

function tell({ wallMs, counter }: Clock): string {
  return `${wallMs}+${counter}`;
}
