import type { ConfState, Message } from '../src/index.ts';
import { EntryType, NO_BYTES } from '../src/index.ts';
import type { Disk } from './disk.ts';
import { hashEntry, Ledger } from './ledger.ts';
import type { World } from './member.ts';
import { dataOf, Member } from './member.ts';
import { isMember, membersOf } from './membership-model.ts';
import { Network } from './network.ts';
import { checkLeaving } from './outbox-checks.ts';
import type { Plan } from './plan.ts';
import { makeMemberPlan } from './plan.ts';
import { Random } from './random.ts';
import { Schedule } from './schedule.ts';
import { Totals } from './totals.ts';
import type { Trace } from './trace.ts';
import type { Watch } from './watch.ts';

const CALM_AFTER_EVENTS = 25_000;

/** A group of members on virtual time, and the network between them. */
export class Cluster implements World {
  readonly plan: Plan;
  readonly random: Random;
  readonly schedule = new Schedule();
  readonly totals = new Totals();
  readonly trace: Trace;
  readonly ledger: Ledger;
  readonly network: Network;
  healed = false;
  event = 0;
  readonly #members = new Map<number, Member>();
  /** Everyone who ever belonged to the group, and whoever was stopped for good. */
  readonly #joined = new Set<number>();
  readonly #retired = new Set<number>();
  #nextId: number;

  constructor(plan: Plan, trace: Trace) {
    this.plan = plan;
    this.trace = trace;
    this.random = new Random(plan.seed ^ 0x5bd1e995);
    const entry = { term: 1, index: 1, type: EntryType.Normal, data: NO_BYTES };
    const { founders } = plan;
    this.ledger = new Ledger(entry, founders);
    this.network = new Network(this);
    const snapshot = {
      data: dataOf({ hash: hashEntry(0, entry) }),
      metadata: { confState: founders, index: 1, term: 1 },
    };
    const ids = membersOf(founders);
    this.#nextId = ids.length + 1;
    for (const id of ids) {
      const member = this.#create(id);
      member.found(snapshot, this.ledger.decision(1).known);
      member.start();
    }
  }

  #create(id: number): Member {
    const member = new Member(this, id, makeMemberPlan(this.plan, this.random));
    this.#members.set(id, member);
    return member;
  }

  /** Faults stop for a while where a group has got nowhere for long. */
  get calm(): boolean {
    return this.event > CALM_AFTER_EVENTS;
  }

  /** Starts a member that knows nothing yet, under a new id; or one that still waits to be added. */
  join(): Member {
    const waiting = this.running.filter(
      ({ id, life }) =>
        !this.#joined.has(id) && life?.state.index === 0 && !isMember(this.conf, id),
    );
    const one = waiting.length > 1 ? this.random.pick(waiting) : undefined;
    if (one !== undefined) return one;
    const member = this.#create(this.#nextId);
    this.#nextId++;
    member.start();
    return member;
  }

  member(id: number): Member | undefined {
    return this.#members.get(id);
  }

  get members(): readonly Member[] {
    return [...this.#members.values()].filter((member) => !this.#retired.has(member.id));
  }

  get running(): readonly Member[] {
    return this.members.filter((member) => member.running);
  }

  /** The running leader of the highest term. */
  get leader(): Member | undefined {
    let leader: Member | undefined;
    let term = -1;
    for (const member of this.#members.values()) {
      const watch = member.life?.watch;
      if (watch === undefined || !watch.leads || watch.status.term <= term) continue;
      leader = member;
      term = watch.status.term;
    }
    return leader;
  }

  /** The membership as of the last decided entry. */
  get conf(): ConfState {
    return this.ledger.decision(this.ledger.lastDecided).conf;
  }

  disk(id: number): Disk | undefined {
    return this.#members.get(id)?.disk;
  }

  watch(id: number): Watch | undefined {
    return this.#members.get(id)?.life?.watch;
  }

  /** Lets the next thing happen. */
  step(): void {
    this.event++;
    this.totals.events++;
    this.schedule.step();
  }

  send(from: Member, message: Message): void {
    const watch = from.life?.watch;
    if (watch === undefined) return;
    this.totals.messages++;
    checkLeaving(this, watch, from.disk, message);
    this.network.send(from, message);
  }

  /** Whoever has applied its own removal is stopped, mostly. */
  applied(member: Member, _index: number): void {
    const conf = member.life?.state.conf;
    if (conf === undefined) return;
    if (isMember(conf, member.id)) {
      this.#joined.add(member.id);
      return;
    }
    if (!this.#joined.has(member.id)) return;
    if (!this.healed && !this.random.chance(300)) return;
    this.schedule.after(this.random.between(1, 200), () => {
      if (!isMember(this.conf, member.id)) this.retire(member);
    });
  }

  retire(member: Member): void {
    member.crash();
    this.#retired.add(member.id);
  }

  crash(member: Member, downtime: number): void {
    member.crash();
    this.schedule.after(downtime, () => this.restart(member));
  }

  restart(member: Member): void {
    if (!member.running && !this.#retired.has(member.id)) member.start();
  }

  /** A change that was under way for long may have brought someone back. */
  rehire(): void {
    for (const id of this.#retired) {
      if (!isMember(this.conf, id)) continue;
      this.#retired.delete(id);
      const member = this.#members.get(id);
      if (member !== undefined) this.restart(member);
    }
  }

  /** Stops those who were removed, one of them a leader perhaps, which takes no proposals. */
  dismiss(): void {
    for (const member of this.members) {
      if (this.#wasRemoved(member.id)) this.retire(member);
    }
  }

  /** Ends all faults: everyone who belongs to the group runs, and hears everyone. */
  heal(): void {
    this.healed = true;
    this.network.heal();
    this.rehire();
    for (const member of this.members) this.#recover(member);
  }

  #recover(member: Member): void {
    const removed = this.#wasRemoved(member.id);
    if (removed) {
      this.retire(member);
      return;
    }
    this.restart(member);
    if (member.life === null) return;
    member.life.pausedUntil = 0;
    member.life.storage.snapshotUnavailable = false;
  }

  #wasRemoved(id: number): boolean {
    const { ledger } = this;
    if (isMember(this.conf, id)) return false;
    for (let index = ledger.lastDecided; index > 0; index--) {
      if (isMember(ledger.decision(index).conf, id)) return true;
    }
    return false;
  }
}
