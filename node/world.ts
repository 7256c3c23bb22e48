import { randomFillSync } from 'node:crypto';
import type { Clock, Random } from './ports/index.ts';

/** The machine's clocks and timers. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs).unref();
    return { cancel: () => clearTimeout(timer) };
  },
};

const POOL_BYTES = 8192;
const pool = new Uint8Array(POOL_BYTES);
let poolUsed = POOL_BYTES;

/** Takes from a pool, because asking the kernel for each id costs more than the id's whole write. */
function fillFromPool(target: Uint8Array): Uint8Array {
  if (target.length > POOL_BYTES / 16) return randomFillSync(target);
  if (poolUsed + target.length > POOL_BYTES) {
    randomFillSync(pool);
    poolUsed = 0;
  }
  target.set(pool.subarray(poolUsed, poolUsed + target.length));
  poolUsed += target.length;
  return target;
}

/** The machine's randomness: bytes from the kernel, fractions from the runtime. */
export const systemRandom: Random = {
  fill: fillFromPool,
  fraction: () => Math.random(),
};
