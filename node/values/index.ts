/**
 * The values room: what a value of a declared type is, how it is written canonically, and how two
 * of them are ordered. Pure, and a leaf: every room that meets a value uses it.
 */
export {
  canonicalize,
  canonicalizeText,
  type ScalarValue,
  targetSchema,
} from './canonicalize.ts';
export { collatedPart } from './collation.ts';
export { behindComposite, compositeKey, hasNullPart } from './composite-key.ts';
export { canonicalDecimal, compareDecimals } from './decimal.ts';
export type { Canonical, Reading, ValueError, ValueErrorCode } from './errors.ts';
export { ExactNumber } from './exact-number.ts';
export { type Expiry, expiryOf, isExpired } from './expiry.ts';
export { numbersOf, rawNumber } from './numbers.ts';
export { compareValues, idOfKey, indexKey, keyOfId, NULL_KEY } from './order.ts';
export { ownsRow } from './ownership.ts';
export { dateOf, datetimeOf } from './time.ts';
export { isUuid, UUID_RANDOM_BYTES, uuidV7 } from './uuid.ts';
