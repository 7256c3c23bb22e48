/**
 * The history room: what is remembered of the past of rows. Versions as apply made them, in memory
 * until they are archived, and the rules that say what of them is kept. Pure.
 */

export { ChainCheck } from './chain-check.ts';
export { declaredEvents, defaultEvent, eventId } from './event-names.ts';
export { formerText, readFormer } from './former-rules.ts';
export type { CapturedGeneration, Generation, ModelVersion } from './generation.ts';
export { HotHistory } from './hot-history.ts';
export { archived, changedFields, keptChanges, keptValues, toldActor } from './kept-values.ts';
export { momentOf } from './moment.ts';
export { readModelVersion, readVersion, writeModelVersion, writeVersion } from './record-codec.ts';
export {
  type HistoryRules,
  hasValues,
  historyRules,
  isKept,
  type Moment,
  narrowed,
} from './rules.ts';
