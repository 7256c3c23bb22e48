/**
 * The outbox room: what a node takes by itself. Writes of models with consistency eventual are
 * planned on what this node sees, made durable in an outbox of its own, shown by its reads, and
 * brought to the leader to be ordered.
 */
export { OutboxError } from './errors.ts';
export {
  decodeAnswer,
  decodeRequest,
  encodeAnswer,
  encodeRequest,
  type OrderAnswer,
} from './order-request.ts';
export {
  Outbox,
  type OutboxLimits,
  type OutboxParts,
} from './outbox.ts';
