import { ConfChangeError } from '../errors.ts';
import { JointConfig, MajorityConfig } from '../quorum/index.ts';
import type { ProgressMap, ProgressTracker } from '../tracker/index.ts';
import { Configuration, Progress } from '../tracker/index.ts';
import type { ConfChangeSingle } from '../types.ts';
import { ConfChangeType } from '../types.ts';

/** A configuration with the progress of exactly its members. */
export interface TrackedConfiguration {
  readonly config: Configuration;
  readonly progress: ProgressMap;
}

/** A configuration being worked on. */
interface Draft {
  readonly incoming: Set<number>;
  readonly outgoing: Set<number>;
  readonly learners: Set<number>;
  readonly learnersNext: Set<number>;
  readonly progress: Map<number, Progress>;
  autoLeave: boolean;
}

/**
 * Computes the configuration that follows the tracker's current one; the tracker
 * itself is not changed (Raft thesis, chapter 4). `lastIndex` is the end of the
 * log, where the probing of a new member begins.
 */
export class Changer {
  readonly #tracker: ProgressTracker;
  readonly #lastIndex: number;

  constructor(tracker: ProgressTracker, lastIndex: number) {
    this.#tracker = tracker;
    this.#lastIndex = lastIndex;
  }

  /**
   * Applies changes that add up to at most one voter, without joint consensus:
   * old and new majorities then overlap (Raft thesis, section 4.1).
   *
   * @throws {ConfChangeError} when the changes do not allow it.
   */
  simple(changes: readonly ConfChangeSingle[]): TrackedConfiguration {
    const draft = this.#draft();
    if (draft.outgoing.size > 0) {
      throw new ConfChangeError("can't apply simple config change in joint config");
    }
    this.#apply(draft, changes);
    const before = new Set(this.#tracker.config.voters.incoming.ids);
    if (before.symmetricDifference(draft.incoming).size > 1) {
      throw new ConfChangeError('more than one voter changed without entering joint config');
    }
    return settle(draft);
  }

  /**
   * Enters joint consensus: the current voters become the outgoing half, and the
   * changes are applied to the incoming half (C_old,new of the Raft thesis, section 4.3).
   *
   * @throws {ConfChangeError} when already joint, or when there are no voters to begin with.
   */
  enterJoint(autoLeave: boolean, changes: readonly ConfChangeSingle[]): TrackedConfiguration {
    const draft = this.#draft();
    if (draft.outgoing.size > 0) throw new ConfChangeError('config is already joint');
    if (draft.incoming.size === 0) {
      throw new ConfChangeError("can't make a zero-voter config joint");
    }
    for (const id of draft.incoming) draft.outgoing.add(id);
    this.#apply(draft, changes);
    draft.autoLeave = autoLeave;
    return settle(draft);
  }

  /**
   * Leaves joint consensus: the incoming half decides alone (C_new), waiting
   * learners become learners, and whoever has no role left is forgotten.
   *
   * @throws {ConfChangeError} when the configuration is not joint.
   */
  leaveJoint(): TrackedConfiguration {
    const draft = this.#draft();
    if (draft.outgoing.size === 0) throw new ConfChangeError("can't leave a non-joint config");
    for (const id of draft.learnersNext) {
      draft.learners.add(id);
      const progress = draft.progress.get(id);
      if (progress !== undefined) progress.isLearner = true;
    }
    for (const id of draft.outgoing) {
      if (!draft.incoming.has(id) && !draft.learners.has(id)) draft.progress.delete(id);
    }
    draft.learnersNext.clear();
    draft.outgoing.clear();
    draft.autoLeave = false;
    return settle(draft);
  }

  #draft(): Draft {
    const { config, progress } = this.#tracker;
    checkInvariants(config, progress);
    const copies = new Map<number, Progress>();
    for (const [id, member] of progress) copies.set(id, member.successor());
    return {
      incoming: new Set(config.voters.incoming.ids),
      outgoing: new Set(config.voters.outgoing.ids),
      learners: new Set(config.learners),
      learnersNext: new Set(config.learnersNext),
      progress: copies,
      autoLeave: config.autoLeave,
    };
  }

  #apply(draft: Draft, changes: readonly ConfChangeSingle[]): void {
    for (const change of changes) {
      // An application voids a change that it refuses by clearing the id.
      if (change.nodeId === 0) continue;
      if (!Number.isSafeInteger(change.nodeId) || change.nodeId < 0) {
        throw new ConfChangeError(`member id ${change.nodeId} is not a positive safe integer`);
      }
      this.#applyOne(draft, change);
    }
    if (draft.incoming.size === 0) throw new ConfChangeError('removed all voters');
  }

  #applyOne(draft: Draft, change: ConfChangeSingle): void {
    switch (change.type) {
      case ConfChangeType.AddNode:
        return this.#makeVoter(draft, change.nodeId);
      case ConfChangeType.AddLearnerNode:
        return this.#makeLearner(draft, change.nodeId);
      case ConfChangeType.RemoveNode:
        return remove(draft, change.nodeId);
      case ConfChangeType.UpdateNode:
        return;
      default:
        throw new ConfChangeError(`unexpected conf type ${String(change.type)}`);
    }
  }

  #makeVoter(draft: Draft, id: number): void {
    const progress = draft.progress.get(id);
    draft.incoming.add(id);
    if (progress === undefined) {
      this.#addProgress(draft, id, false);
      return;
    }
    progress.isLearner = false;
    draft.learners.delete(id);
    draft.learnersNext.delete(id);
  }

  #makeLearner(draft: Draft, id: number): void {
    const progress = draft.progress.get(id);
    if (progress === undefined) {
      draft.learners.add(id);
      this.#addProgress(draft, id, true);
      return;
    }
    if (progress.isLearner) return;
    remove(draft, id);
    draft.progress.set(id, progress);
    if (draft.outgoing.has(id)) {
      draft.learnersNext.add(id);
      return;
    }
    progress.isLearner = true;
    draft.learners.add(id);
  }

  #addProgress(draft: Draft, id: number, isLearner: boolean): void {
    const next = Math.max(this.#lastIndex, 1);
    const progress = new Progress(id, next, this.#tracker.newInflights(), isLearner);
    // A member that had no chance to speak yet must not fail a CheckQuorum.
    progress.recentActive = true;
    draft.progress.set(id, progress);
  }
}

/** Takes a member out of the incoming half; as an outgoing voter it is still tracked. */
function remove(draft: Draft, id: number): void {
  if (!draft.progress.has(id)) return;
  draft.incoming.delete(id);
  draft.learners.delete(id);
  draft.learnersNext.delete(id);
  if (!draft.outgoing.has(id)) draft.progress.delete(id);
}

function settle(draft: Draft): TrackedConfiguration {
  const voters = new JointConfig(
    new MajorityConfig(draft.incoming),
    new MajorityConfig(draft.outgoing),
  );
  const config = new Configuration(voters, draft.learners, draft.learnersNext, draft.autoLeave);
  checkInvariants(config, draft.progress);
  return { config, progress: draft.progress };
}

/** What must hold of every configuration. The empty one is legal: it is where a new member begins. */
function checkInvariants(config: Configuration, progress: ProgressMap): void {
  for (const id of [...config.voters.ids, ...config.learners, ...config.learnersNext]) {
    if (!progress.has(id)) throw new ConfChangeError(`no progress for ${id}`);
  }
  for (const id of config.learnersNext) checkWaitingLearner(config, progress, id);
  for (const id of config.learners) checkLearner(config, progress, id);
  if (config.joint) return;
  if (config.learnersNext.size > 0) {
    throw new ConfChangeError('learnersNext must be empty when not joint');
  }
  if (config.autoLeave) throw new ConfChangeError('autoLeave must be false when not joint');
}

function checkWaitingLearner(config: Configuration, progress: ProgressMap, id: number): void {
  if (!config.voters.outgoing.has(id)) {
    throw new ConfChangeError(`${id} is in learnersNext, but not an outgoing voter`);
  }
  if (progress.get(id)?.isLearner) {
    throw new ConfChangeError(`${id} is in learnersNext, but is already marked as learner`);
  }
}

function checkLearner(config: Configuration, progress: ProgressMap, id: number): void {
  if (config.voters.has(id)) throw new ConfChangeError(`${id} is both learner and voter`);
  if (!progress.get(id)?.isLearner) {
    throw new ConfChangeError(`${id} is in learners, but is not marked as learner`);
  }
}
