import { checkLinearizable } from './linearizable.ts';
import type { History, Violation } from './types.ts';

/** Runs every check. Pure; an empty list means that every promise was kept. */
export function checkHistory({ operations }: History): Violation[] {
  return [...checkLinearizable(operations)];
}
