/**
 * The machinery of a simulated world: virtual time, processes that die, disks that forget, and a
 * network that breaks. It knows nothing of what runs in it but the ports.
 */
export { MachineClock } from './clock.ts';
export { type DiskFilter, SimulatedDisk, withFiles } from './disk.ts';
export { CALM_NETWORK, type NetworkMood, SimulatedNetwork } from './network.ts';
export { Process } from './process.ts';
export { Scheduler } from './scheduler.ts';
export { SeededRandom } from './seeded-random.ts';
export { Trace } from './trace.ts';
