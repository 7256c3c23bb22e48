/**
 * The vocabulary that the rooms of a node share: what a command is, what comes of it, and the
 * ports behind which state, consensus, log, time and randomness stand. Types, and the one error they share.
 */
export type * from './audit.ts';
export type * from './cluster.ts';
export type * from './command.ts';
export type * from './engine.ts';
export { EngineError } from './errors.ts';
export type * from './history.ts';
export type * from './state.ts';
export type * from './trace.ts';
export type * from './world.ts';
