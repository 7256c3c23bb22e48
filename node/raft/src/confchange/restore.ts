import { ProgressTracker } from '../tracker/index.ts';
import type { ConfChangeSingle, ConfState } from '../types.ts';
import { ConfChangeType } from '../types.ts';
import type { TrackedConfiguration } from './changer.ts';
import { Changer } from './changer.ts';

/**
 * Rebuilds the configuration that `confState` describes, by the same steps that
 * could have led to it: so that no stored configuration escapes the checks.
 *
 * `limits` gives the inflights limits; its configuration is not looked at.
 *
 * @throws {ConfChangeError} when the ConfState contradicts itself.
 */
export function restoreConfiguration(
  limits: ProgressTracker,
  lastIndex: number,
  confState: ConfState,
): TrackedConfiguration {
  const tracker = new ProgressTracker(limits.maxInflight, limits.maxInflightBytes);
  const install = (next: TrackedConfiguration) => tracker.install(next.config, next.progress);
  const changer = () => new Changer(tracker, lastIndex);

  // The outgoing voters are where a joint configuration came from.
  for (const nodeId of confState.votersOutgoing) {
    install(changer().simple([{ type: ConfChangeType.AddNode, nodeId }]));
  }
  const incoming = incomingChanges(confState);
  if (confState.votersOutgoing.length > 0) {
    install(changer().enterJoint(confState.autoLeave, incoming));
  } else {
    for (const change of incoming) install(changer().simple([change]));
  }
  return { config: tracker.config, progress: tracker.progress };
}

/** From the outgoing voters (or from nothing) to the incoming members. */
function incomingChanges(confState: ConfState): ConfChangeSingle[] {
  const { AddNode, RemoveNode, AddLearnerNode } = ConfChangeType;
  return [
    ...confState.votersOutgoing.map((nodeId) => ({ type: RemoveNode, nodeId })),
    ...confState.voters.map((nodeId) => ({ type: AddNode, nodeId })),
    ...confState.learners.map((nodeId) => ({ type: AddLearnerNode, nodeId })),
    ...confState.learnersNext.map((nodeId) => ({ type: AddLearnerNode, nodeId })),
  ];
}
