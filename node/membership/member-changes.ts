import type { AddMemberRequest, AddMemberResponse, ApplyVersions } from '@lithair/crds/contract';
import {
  ConfChangeTransition,
  ConfChangeType,
  NO_BYTES,
  type Progress,
  ProgressState,
  type Status,
} from 'etcd-raft-ts';
import type { AppliedEntry, StateMachine } from '../consensus/index.ts';
import { ConsensusError } from '../consensus/index.ts';
import type { Clock, Logger, MemberRecord, TimerHandle } from '../ports/index.ts';
import { AdminError, asAdminError } from './errors.ts';
import type { MemberEntries } from './member-entries.ts';
import { isVoter } from './status.ts';
import type { MemberView } from './view.ts';

/** A learner that is at most so many entries behind will catch up within moments. */
const CAUGHT_UP_ENTRIES = 1000;
const PROMOTION_INTERVAL_MS = 100;
/** So long a learner that was refused is left alone. */
const REFUSED_MS = 1_000;
/** Several heartbeats. */
const LOOKS = 5;
const LOOK_EVERY_MS = 60;
/** The apply version that the log can hold a member's region from. */
const REGIONS_FROM = 4;
const CHANGE_TIMEOUT_MS = 10_000;

/** What member changes are made with. */
export interface MemberChangesDependencies {
  readonly view: MemberView;
  readonly entries: MemberEntries;
  /** The apply version in force; asked where this member leads. */
  readonly applyVersion: () => number;
  /**
   * Makes sure that nothing goes with a member that answers, which is to be removed. May throw
   * AdminError `outbox_not_empty` or `unavailable`.
   */
  readonly letGo: (member: MemberRecord) => Promise<void>;
  /**
   * Makes sure that a learner which has caught up will go on with a vote. May throw AdminError
   * `keys_missing` or `unavailable`.
   */
  readonly admitVoter: (member: MemberRecord) => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Changes of the membership, on the leader, one at a time (Raft thesis, chapter 4). All methods
 * throw AdminError for a refusal, and ConsensusError `not_leader` where this member does not lead.
 */
export class MemberChanges {
  readonly #deps: MemberChangesDependencies;
  #last: Promise<unknown> = Promise.resolve();
  #timer: TimerHandle | null = null;
  /** Why learners did not get their vote, so that it is said once, and holds no other learner back. */
  readonly #refusals = new Map<number, { readonly reason: string; readonly untilMs: number }>();

  constructor(deps: MemberChangesDependencies) {
    this.#deps = deps;
    deps.view.onLeadership(({ leading }) => {
      this.#timer?.cancel();
      this.#refusals.clear();
      if (leading) this.#promoteLater();
    });
  }

  /**
   * Takes a member in as a learner. The same name with the same disk gets the id that it has: it
   * may ask again after a crash, and with a new address.
   */
  add(request: AddMemberRequest): Promise<AddMemberResponse> {
    return this.#alone(async () => {
      const state = this.#state();
      const known = presentMember(state.members(), request);
      this.#requireVersions(request.applyVersions);
      const region = this.#deps.applyVersion() < REGIONS_FROM ? undefined : request.region;
      if (known?.address === request.address && known.region === region) {
        return placeOf(state, known.id);
      }
      const id = known?.id ?? state.nextMemberId;
      const member: MemberRecord = {
        id,
        name: request.name,
        address: request.address,
        diskUuid: request.diskUuid,
        intent: known?.intent ?? request.role,
        ...(region !== undefined && { region }),
      };
      const type = known === null ? ConfChangeType.AddLearnerNode : ConfChangeType.UpdateNode;
      await this.#propose(type, id, this.#deps.entries.put(member));
      this.#deps.logger.info({ member: id, name: member.name }, 'member taken in');
      return placeOf(state, id);
    });
  }

  /**
   * Removes a member for good; its id is never used again. `onlyLost` refuses one that still
   * answers.
   */
  remove(id: number, onlyLost = false): Promise<void> {
    return this.#alone(async () => {
      const { view, entries, logger } = this.#deps;
      const member = this.#member(id);
      if (onlyLost) await this.#requireLost(member);
      if (isVoter(view.confState, id)) await this.#requireQuorumWithout(id);
      if (id === view.memberId) {
        await view.transferLeadership(CHANGE_TIMEOUT_MS);
        throw new ConsensusError('not_leader', 'leadership was handed over before the removal');
      }
      if (!onlyLost) await this.#letGo(member);
      await this.#propose(ConfChangeType.RemoveNode, id, entries.remove(id));
      logger.info({ member: id, name: member.name }, 'member removed');
    });
  }

  /** Gives a learner a vote. A voter stays as it is. */
  promote(id: number): Promise<void> {
    return this.#alone(async () => {
      const { view, entries, logger } = this.#deps;
      const member = this.#member(id);
      if (isVoter(view.confState, id)) return;
      const status = view.status();
      const progress = status.progress.get(id);
      if (!isCaughtUp(status, progress)) {
        const behind = status.lastIndex - (progress?.match ?? 0);
        throw new AdminError('not_caught_up', `member ${id} is ${behind} entries behind`);
      }
      await this.#deps.admitVoter(member);
      const promoted: MemberRecord = { ...member, intent: 'voter' };
      await this.#propose(ConfChangeType.AddNode, id, entries.put(promoted));
      logger.info({ member: id, name: member.name }, 'learner promoted to voter');
    });
  }

  /** Why a learner got no vote when it was due; null where nothing was in the way. */
  heldBack(id: number): string | null {
    return this.#refusals.get(id)?.reason ?? null;
  }

  /** Hands leadership to a voter, or to the one that is furthest along; the new leader's id. */
  async transfer(to: number | null): Promise<number> {
    const { view } = this.#deps;
    if (!view.leading) throw new ConsensusError('not_leader', 'this is not the leader');
    if (to !== null) {
      this.#member(to);
      if (!isVoter(view.confState, to)) {
        throw new AdminError('not_a_voter', `member ${to} is a learner and cannot lead`);
      }
    }
    return await view.transferLeadership(CHANGE_TIMEOUT_MS, to);
  }

  /** Learners that are meant to vote get their vote as soon as they have caught up. */
  #promoteLater(): void {
    // A promotion may outlive the leadership that it began in, and meet the timer of the next.
    this.#timer?.cancel();
    this.#timer = this.#deps.clock.after(PROMOTION_INTERVAL_MS, () => {
      const learner = this.#nextVoter();
      if (learner === null) this.#promoteLater();
      else void this.#promoteNow(learner.id);
    });
  }

  async #promoteNow(id: number): Promise<void> {
    try {
      await this.promote(id);
      this.#refusals.delete(id);
    } catch (error) {
      this.#refused(id, asAdminError(error).message);
    }
    if (this.#deps.view.leading) this.#promoteLater();
  }

  #refused(id: number, reason: string): void {
    const { clock, logger } = this.#deps;
    const isKnown = this.#refusals.get(id)?.reason === reason;
    this.#refusals.set(id, { reason, untilMs: clock.monotonicMs() + REFUSED_MS });
    if (!isKnown) logger.warn({ member: id, reason }, 'could not promote a learner yet');
  }

  #nextVoter(): MemberRecord | null {
    const { view, clock } = this.#deps;
    const nowMs = clock.monotonicMs();
    const isDue = (id: number) => (this.#refusals.get(id)?.untilMs ?? nowMs) <= nowMs;
    const learners = (view.state?.members() ?? []).filter(
      ({ id, intent }) => intent === 'voter' && !isVoter(view.confState, id) && isDue(id),
    );
    if (learners.length === 0) return null;
    const status = view.status();
    return learners.find(({ id }) => isCaughtUp(status, status.progress.get(id))) ?? null;
  }

  async #propose(type: ConfChangeType, nodeId: number, context: Uint8Array): Promise<void> {
    const transition = ConfChangeTransition.Auto;
    const change = { transition, changes: [{ type, nodeId }], context };
    const result = await this.#deps.view.proposeChange(change, CHANGE_TIMEOUT_MS).result;
    if (result.outcome?.kind === 'rejected') {
      throw new AdminError('change_refused', `the member table refused member ${nodeId}`);
    }
    await this.#outlive(nodeId);
  }

  /**
   * A change counts from its commit on, and what is committed is not yet known to the disks: after
   * a power cut everywhere, members would ask those of the former membership. So one more entry
   * follows, and whoever acknowledges it has the commit of the change on its disk.
   */
  async #outlive(nodeId: number): Promise<void> {
    try {
      await this.#deps.view.propose(NO_BYTES, CHANGE_TIMEOUT_MS).result;
    } catch (error) {
      const text = `the change of member ${nodeId} is made, and may not outlive a power cut yet`;
      throw new AdminError('outcome_unknown', `${text}: ${asAdminError(error).message}`);
    }
  }

  /** One after the other, so that each decision rests on what the one before it left. */
  #alone<T>(act: () => Promise<T>): Promise<T> {
    const result = this.#last.then(act, act);
    this.#last = result.catch(() => {});
    return result;
  }

  #state(): StateMachine<AppliedEntry> {
    const { leading, state } = this.#deps.view;
    if (leading && state !== null) return state;
    throw new ConsensusError('not_leader', 'this is not the leader');
  }

  #member(id: number): MemberRecord {
    const member = this.#state()
      .members()
      .find((known) => known.id === id);
    if (member === undefined) throw new AdminError('unknown_member', `there is no member ${id}`);
    return member;
  }

  #requireVersions(versions: ApplyVersions | undefined): void {
    const inForce = this.#deps.applyVersion();
    if (versions === undefined) return;
    if (versions.oldest <= inForce && inForce <= versions.latest) return;
    const range = `apply versions ${versions.oldest} to ${versions.latest}`;
    const text = `the cluster is at apply version ${inForce}, the new member knows ${range}`;
    throw new AdminError('apply_version', text);
  }

  /** Who does not answer cannot be asked for what it alone may have. */
  async #letGo(member: MemberRecord): Promise<void> {
    if (await this.#answers(member.id)) return await this.#deps.letGo(member);
    const { logger } = this.#deps;
    const fields = { member: member.id, name: member.name };
    logger.warn(fields, 'removing a member that does not answer: what only it has is lost');
  }

  async #requireLost({ id, name }: MemberRecord): Promise<void> {
    if (!(await this.#answers(id))) return;
    throw new AdminError('still_there', `member ${id} (${name}) is not lost: it answers`);
  }

  async #answers(id: number): Promise<boolean> {
    return (await this.#heardOf([id], 1)) === 1;
  }

  /**
   * How many members are heard from, until they are enough. That is forgotten and noted again and
   * again, so it is looked at for a while.
   */
  async #heardOf(ids: readonly number[], enough: number): Promise<number> {
    const { view, clock } = this.#deps;
    const heard = new Set<number>();
    for (let looked = 0; looked < LOOKS; looked++) {
      const { progress } = view.status();
      for (const id of ids) {
        if (id === view.memberId || progress.get(id)?.recentActive === true) heard.add(id);
      }
      if (heard.size >= enough) break;
      await new Promise<void>((resolve) => void clock.after(LOOK_EVERY_MS, resolve));
      this.#state();
    }
    return heard.size;
  }

  async #requireQuorumWithout(id: number): Promise<void> {
    const { view } = this.#deps;
    const rest = view.confState.voters.filter((voter) => voter !== id);
    if (rest.length === 0) {
      throw new AdminError(
        'last_voter',
        `member ${id} is the last voter; without it nothing is left`,
      );
    }
    const quorum = Math.floor(rest.length / 2) + 1;
    const reachable = await this.#heardOf(rest, quorum);
    if (reachable < quorum) {
      const count = `${reachable} of ${rest.length}`;
      throw new AdminError(
        'no_quorum',
        `without member ${id}, only ${count} voters can be reached`,
      );
    }
  }
}

function isCaughtUp(status: Status, progress: Progress | undefined): boolean {
  if (progress === undefined || !progress.recentActive) return false;
  if (progress.state !== ProgressState.Replicate) return false;
  return status.lastIndex - progress.match <= CAUGHT_UP_ENTRIES;
}

function placeOf(state: StateMachine<AppliedEntry>, memberId: number): AddMemberResponse {
  return { clusterId: state.clusterId, epoch: state.epoch, memberId };
}

/** The member that asks again; null for a new one. */
function presentMember(
  members: readonly MemberRecord[],
  request: AddMemberRequest,
): MemberRecord | null {
  for (const member of members) {
    const { id, name } = member;
    const sameDisk = member.diskUuid === request.diskUuid;
    if (name === request.name && sameDisk) continue;
    if (name === request.name) {
      const text = `member ${id} is called ${name} and has another disk: remove it first`;
      throw new AdminError('name_taken', text);
    }
    if (sameDisk) throw new AdminError('disk_taken', `that disk belongs to member ${id} (${name})`);
    if (member.address === request.address) {
      const text = `member ${id} (${name}) has the address ${request.address}`;
      throw new AdminError('address_taken', text);
    }
  }
  return members.find(({ name }) => name === request.name) ?? null;
}
