/** Membership changes as pure computation: from one configuration to the next. */
export type { TrackedConfiguration } from './changer.ts';
export { Changer } from './changer.ts';
export {
  confChangePath,
  isConfChangeV2,
  LEAVE_JOINT,
  sameConfState,
  toConfChangeV2,
} from './conf-change.ts';
export { restoreConfiguration } from './restore.ts';
