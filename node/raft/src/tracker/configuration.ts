import { JointConfig, MajorityConfig } from '../quorum/index.ts';
import type { ConfState } from '../types.ts';

/**
 * The active membership. Learners are never voters of either half; a voter of
 * the outgoing half that is to become a learner waits in `learnersNext` until the
 * joint configuration is left, which keeps that rule. Immutable.
 */
export class Configuration {
  readonly voters: JointConfig;
  readonly learners: ReadonlySet<number>;
  readonly learnersNext: ReadonlySet<number>;
  /** Whether the leader leaves the joint configuration by itself. */
  readonly autoLeave: boolean;

  constructor(
    voters: JointConfig,
    learners: ReadonlySet<number>,
    learnersNext: ReadonlySet<number>,
    autoLeave: boolean,
  ) {
    this.voters = voters;
    this.learners = learners;
    this.learnersNext = learnersNext;
    this.autoLeave = autoLeave;
  }

  static readonly empty = new Configuration(
    new JointConfig(new MajorityConfig()),
    new Set(),
    new Set(),
    false,
  );

  /** Whether two majorities have to agree (Raft thesis, section 4.3). */
  get joint(): boolean {
    return this.voters.outgoing.size > 0;
  }

  /** The same membership in the form in which it is stored. */
  toConfState(): ConfState {
    return {
      voters: this.voters.incoming.ids,
      votersOutgoing: this.voters.outgoing.ids,
      learners: new MajorityConfig(this.learners).ids,
      learnersNext: new MajorityConfig(this.learnersNext).ids,
      autoLeave: this.autoLeave,
    };
  }

  /** `voters=(1 2)&&(2 3) learners=(4) autoleave`, without what is empty. */
  toString(): string {
    let text = `voters=${this.voters.toString()}`;
    if (this.learners.size > 0) text += ` learners=${new MajorityConfig(this.learners).toString()}`;
    if (this.learnersNext.size > 0) {
      text += ` learners_next=${new MajorityConfig(this.learnersNext).toString()}`;
    }
    return this.autoLeave ? `${text} autoleave` : text;
  }
}
