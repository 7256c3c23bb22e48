/** The clients of the simulated world: what they ask, how they retry, and what they remember. */
export type { Answer, ClientWorld, Delivery, Request } from './world.ts';
