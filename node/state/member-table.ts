import type { MemberRecord } from '../ports/index.ts';
import type { MemberOutcome } from './types.ts';

/** The members of the cluster. Ids count up; those of removed members are not used again. */
export class MemberTable {
  private readonly byId = new Map<number, MemberRecord>();
  private readonly removed = new Set<number>();
  private highestId = 0;

  constructor(members: Iterable<MemberRecord>, removedIds: Iterable<number>) {
    for (const member of members) this.set(member);
    for (const id of removedIds) this.retire(id);
  }

  /** The id that the next member gets; greater than that of any member there ever was. */
  get nextId(): number {
    return this.highestId + 1;
  }

  /** In order of their ids. */
  list(): readonly MemberRecord[] {
    return Array.from(this.byId.values()).toSorted((a, b) => a.id - b.id);
  }

  has(id: number): boolean {
    return this.byId.has(id);
  }

  removedIds(): readonly number[] {
    return Array.from(this.removed).toSorted((a, b) => a - b);
  }

  /** Adds the next member, or replaces the record of a present one. */
  put(member: MemberRecord): MemberOutcome {
    if (!this.byId.has(member.id) && member.id !== this.nextId) {
      const message = `member ${member.id} is out of turn: the next id is ${this.nextId}`;
      return { kind: 'rejected', code: 'invalid', message };
    }
    this.set(member);
    return { kind: 'applied' };
  }

  remove(id: number): MemberOutcome {
    if (!this.byId.has(id)) {
      return { kind: 'rejected', code: 'not_found', message: `there is no member ${id}` };
    }
    this.retire(id);
    return { kind: 'applied' };
  }

  private set(member: MemberRecord): void {
    this.byId.set(member.id, member);
    this.highestId = Math.max(this.highestId, member.id);
  }

  private retire(id: number): void {
    this.byId.delete(id);
    this.removed.add(id);
    this.highestId = Math.max(this.highestId, id);
  }
}
