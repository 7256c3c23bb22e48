import type {
  ClusterStatus,
  PromoteRegionRequest,
  PromoteRegionResponse,
  WaitingStatus,
} from '@lithair/crds/contract';
import type { MemberRecord } from '../ports/index.ts';
import { AdminError } from './errors.ts';
import { isVoter, type NodeInfo } from './status.ts';
import type { MemberView } from './view.ts';

/** What came of founding the next epoch: where the state that is kept ends. */
export interface NextEpoch {
  readonly index: number;
  readonly logTimeMs: number;
}

/** What the promotion of a region is made with. */
export interface RegionPromotionDependencies {
  readonly view: MemberView;
  readonly info: NodeInfo;
  /** Asks another member how it is; throws where it does not answer. */
  ask(member: MemberRecord): Promise<ClusterStatus | WaitingStatus>;
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
  #begun = false;

  constructor(deps: RegionPromotionDependencies) {
    this.#deps = deps;
  }

  /** @throws AdminError */
  async promote({ region, confirm }: PromoteRegionRequest): Promise<PromoteRegionResponse> {
    this.#requireOwn(region);
    await this.#requireAlone();
    const outlook = this.#outlook();
    if (confirm === undefined) return { ...outlook, result: 'would-promote' };
    const wanted = `${outlook.clusterId}/${outlook.epoch}`;
    if (confirm !== wanted) {
      const text = `the cluster and epoch that are given up are ${wanted}, not ${confirm}`;
      throw new AdminError('not_confirmed', text);
    }
    if (this.#begun) throw new AdminError('unavailable', 'the region is being promoted already');
    this.#begun = true;
    const { index, logTimeMs } = await this.#deps.foundNextEpoch();
    return { ...outlook, index, logTimeMs, result: 'promoted' };
  }

  #requireOwn(region: string): void {
    const { view } = this.#deps;
    if (view.state === null || view.installing) {
      throw new AdminError('unavailable', 'this member has no complete state: ask another one');
    }
    const own = this.#members().find(({ id }) => id === view.memberId)?.region;
    if (own === region) return;
    const text = `this member is in ${own ?? 'no region'}: ask one in ${region}`;
    throw new AdminError('invalid_request', text);
  }

  /** Every member is asked at once; who does not answer counts as lost. */
  async #requireAlone(): Promise<void> {
    const { view } = this.#deps;
    const others = this.#members().filter(({ id }) => id !== view.memberId);
    const found = await Promise.all(others.map((member) => this.#look(member)));
    const answers = found.filter((status) => status !== null);
    const { voters } = view.confState;
    const alive = voters.filter(
      (id) => id === view.memberId || answers.some(({ memberId }) => memberId === id),
    );
    if (2 * alive.length > voters.length) {
      const text = `${alive.length} of ${voters.length} voters answer: they can go on by themselves`;
      throw new AdminError('quorum_answers', text);
    }
    for (const status of answers) this.#requireNotBehind(status);
  }

  /** The one with the later end holds all that was acknowledged and the other holds. */
  #requireNotBehind({ memberId, name, logEnd }: ClusterStatus): void {
    const own = this.#deps.info.logEnd();
    if (logEnd === undefined) return;
    const isBehind =
      own.term < logEnd.term || (own.term === logEnd.term && own.index < logEnd.index);
    if (!isBehind) return;
    const text = `member ${memberId} (${name}) answers and holds entries up to ${logEnd.index} of term ${logEnd.term}`;
    const here = `this member up to ${own.index} of term ${own.term}`;
    throw new AdminError('further_along', `${text}, ${here}: ask that one, or stop it for good`);
  }

  async #look(member: MemberRecord): Promise<ClusterStatus | null> {
    const state = this.#deps.view.state;
    try {
      const status = await this.#deps.ask(member);
      if ('waiting' in status || status.clusterId !== state?.clusterId) return null;
      return status.epoch === state.epoch ? status : null;
    } catch {
      return null;
    }
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
