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

/** The machine's randomness: bytes from the kernel, fractions from the runtime. */
export const systemRandom: Random = {
  fill: (target) => randomFillSync(target),
  fraction: () => Math.random(),
};
