import type { ClusterStatus, WaitingStatus } from '@lithair/crds/contract';
import type { MemberRecord } from '../ports/index.ts';
import { AdminError } from './errors.ts';
import type { NodeInfo } from './status.ts';
import type { MemberView } from './view.ts';

/** What a promotion looks at of this member. */
export interface PromotedView extends Pick<MemberView, 'memberId' | 'installing' | 'confState'> {
  readonly state: Pick<NonNullable<MemberView['state']>, 'clusterId' | 'epoch' | 'members'> | null;
}

/** What it looks at of another one that answers. */
export type Survivor = Pick<ClusterStatus, 'clusterId' | 'epoch' | 'memberId' | 'name' | 'logEnd'>;

/** What is asked before a region is promoted. */
export interface PromotionGuardDependencies {
  readonly view: PromotedView;
  readonly info: Pick<NodeInfo, 'logEnd'>;
  /** Asks another member how it is; throws where it does not answer. */
  ask(member: MemberRecord): Promise<Survivor | WaitingStatus>;
}

/** Stands between a request to promote a region and all that it would give up. */
export class PromotionGuard {
  readonly #deps: PromotionGuardDependencies;

  constructor(deps: PromotionGuardDependencies) {
    this.#deps = deps;
  }

  /** @throws AdminError `unavailable`, `invalid_request` */
  requireOwn(region: string): void {
    const { view } = this.#deps;
    if (view.state === null || view.installing) {
      throw new AdminError('unavailable', 'this member has no complete state: ask another one');
    }
    const own = this.#members().find(({ id }) => id === view.memberId)?.region;
    if (own === region) return;
    const text = `this member is in ${own ?? 'no region'}: ask one in ${region}`;
    throw new AdminError('invalid_request', text);
  }

  /** Every member is asked at once; those that do not answer count as lost. */
  async askOthers(): Promise<readonly Survivor[]> {
    const others = this.#members().filter(({ id }) => id !== this.#deps.view.memberId);
    const found = await Promise.all(others.map((member) => this.#look(member)));
    return found.filter((status) => status !== null);
  }

  /**
   * Members change one at a time, so there is never more than one set of voters.
   *
   * @throws AdminError `quorum_answers`
   */
  requireNoQuorum(answers: readonly Survivor[]): void {
    const { view } = this.#deps;
    const { voters } = view.confState;
    const alive = voters.filter(
      (id) => id === view.memberId || answers.some(({ memberId }) => memberId === id),
    );
    if (2 * alive.length <= voters.length) return;
    const text = `${alive.length} of ${voters.length} voters answer: they can go on by themselves`;
    throw new AdminError('quorum_answers', text);
  }

  /**
   * The one with the later end holds all that was acknowledged and the other holds.
   *
   * @throws AdminError `further_along`
   */
  requireNotBehind(answers: readonly Survivor[]): void {
    const own = this.#deps.info.logEnd();
    for (const { memberId, name, logEnd } of answers) {
      if (logEnd === undefined) continue;
      const isBehind =
        own.term < logEnd.term || (own.term === logEnd.term && own.index < logEnd.index);
      if (!isBehind) continue;
      const text = `member ${memberId} (${name}) answers and holds entries up to ${logEnd.index} of term ${logEnd.term}`;
      const here = `this member up to ${own.index} of term ${own.term}`;
      throw new AdminError('further_along', `${text}, ${here}: ask that one, or stop it for good`);
    }
  }

  /** Whether the caller names what is given up. @throws AdminError `not_confirmed` */
  requireConfirmed(confirm: string, clusterId: string, epoch: number): void {
    const wanted = `${clusterId}/${epoch}`;
    if (confirm === wanted) return;
    const text = `the cluster and epoch that are given up are ${wanted}, not ${confirm}`;
    throw new AdminError('not_confirmed', text);
  }

  async #look(member: MemberRecord): Promise<Survivor | null> {
    const { state } = this.#deps.view;
    try {
      const status = await this.#deps.ask(member);
      if ('waiting' in status || status.clusterId !== state?.clusterId) return null;
      return status.epoch === state.epoch ? status : null;
    } catch {
      return null;
    }
  }

  #members(): readonly MemberRecord[] {
    return this.#deps.view.state?.members() ?? [];
  }
}
