import type { PromoteRegionRequest, PromoteRegionResponse } from '@lithair/crds/contract';
import type { MemberRecord } from '../ports/index.ts';
import { AdminError } from './errors.ts';
import {
  type PromotedView,
  PromotionGuard,
  type PromotionGuardDependencies,
} from './promotion-guard.ts';
import { isVoter } from './status.ts';
import type { MemberView } from './view.ts';

/** What came of founding the next epoch: where the state that is kept ends. */
export interface NextEpoch {
  readonly index: number;
  readonly logTimeMs: number;
}

/** What the promotion of a region is made with. */
export interface RegionPromotionDependencies extends PromotionGuardDependencies {
  readonly view: PromotedView & { status(): Pick<ReturnType<MemberView['status']>, 'commit'> };
  /** Milliseconds since a member was heard on its link; null where it was not yet. */
  heardMs(ids: readonly number[]): number | null;
  /** Log time of the state, epoch milliseconds. */
  logTimeMs(): number;
  /** Makes this member's data the beginning of the next epoch; the node starts again in it. */
  foundNextEpoch(): Promise<NextEpoch>;
}

/**
 * The way out when a quorum of the voters is lost for good: a surviving member begins the next
 * epoch of the cluster with what it holds, as its only voter. Whatever only the lost voters had is
 * lost, so it is refused while a quorum answers or another survivor holds more, and done only when
 * the caller says which cluster and epoch are given up.
 */
export class RegionPromotion {
  readonly #deps: RegionPromotionDependencies;
  readonly #guard: PromotionGuard;
  #begun = false;

  constructor(deps: RegionPromotionDependencies) {
    this.#deps = deps;
    this.#guard = new PromotionGuard(deps);
  }

  /** @throws AdminError */
  async promote({ region, confirm }: PromoteRegionRequest): Promise<PromoteRegionResponse> {
    this.#guard.requireOwn(region);
    const answers = await this.#guard.askOthers();
    this.#guard.requireNoQuorum(answers);
    this.#guard.requireNotBehind(answers);
    const outlook = this.#outlook();
    if (confirm === undefined) return { ...outlook, result: 'would-promote' };
    this.#guard.requireConfirmed(confirm, outlook.clusterId, outlook.epoch);
    if (this.#begun) throw new AdminError('unavailable', 'the region is being promoted already');
    this.#begun = true;
    const { index, logTimeMs } = await this.#deps.foundNextEpoch();
    return { ...outlook, index, logTimeMs, result: 'promoted' };
  }

  #outlook(): Omit<PromoteRegionResponse, 'result'> {
    const { view, info } = this.#deps;
    const voters = this.#members().filter(({ id }) => isVoter(view.confState, id));
    return {
      clusterId: view.state?.clusterId ?? '',
      epoch: view.state?.epoch ?? 0,
      memberId: view.memberId,
      index: info.logEnd().index,
      logTimeMs: this.#deps.logTimeMs(),
      commit: view.status().commit,
      heardMs: this.#deps.heardMs(voters.map(({ id }) => id)),
      left: this.#members()
        .flatMap(({ id, name }) => (id === view.memberId ? [] : [name]))
        .toSorted(),
    };
  }

  #members(): readonly MemberRecord[] {
    return this.#deps.view.state?.members() ?? [];
  }
}
