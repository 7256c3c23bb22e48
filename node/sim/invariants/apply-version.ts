import type { Machine } from '../machine.ts';
import { BrokenPromise } from './errors.ts';

/** What of a state counts here. */
export interface Versioned {
  readonly applyVersion: number;
  members(): readonly { readonly id: number }[];
}

/** What of a machine counts here. */
export type Able = Pick<Machine, 'name' | 'memberId' | 'applyVersion'>;

/**
 * The apply version in force is one that every member's program knows, the one that runs on its
 * machine or ran there last.
 *
 * @throws BrokenPromise
 */
export function requireAbleMembers(state: Versioned, machines: readonly Able[]): void {
  const ids = new Set(state.members().map(({ id }) => id));
  for (const { name, memberId, applyVersion } of machines) {
    if (memberId === null || !ids.has(memberId) || applyVersion >= state.applyVersion) continue;
    const text = `apply version ${state.applyVersion} is in force, ${name} knows ${applyVersion}`;
    throw new BrokenPromise('apply-version', text);
  }
}
