/** Bytes for the wire and the disk, checked on the way in and on the way out. */
export {
  decodeConfChange,
  decodeConfChangeV2,
  encodeConfChange,
  encodeConfChangeV2,
} from './conf-change.ts';
export { decodeMessage, encodeMessage } from './message.ts';
export {
  decodeConfState,
  decodeEntry,
  decodeHardState,
  encodeConfState,
  encodeEntry,
  encodeHardState,
} from './records.ts';
export type { CodecErrorCode } from './wire.ts';
export { CodecError } from './wire.ts';
