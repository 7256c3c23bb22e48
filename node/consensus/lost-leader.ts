import type { ConfState, RawNode } from 'etcd-raft-ts';

/** Ticks until the first voter campaigns: until then the others have noticed, too. */
const FIRST_TICKS = 2;
/** Ticks between two voters, so that they do not split the votes. */
const APART_TICKS = 2;

/**
 * Shortens the wait for an election timeout where the leader's process is gone for certain: its
 * connection broke, and nobody takes a new one. Voters forget it, so that each may grant pre-votes,
 * and campaign one after the other, in order of their ids. Elections themselves are what they
 * always are; where this was a mistake, the leader's next heartbeat ends it.
 */
export class LostLeader {
  readonly #node: RawNode;
  #ticksLeft: number | null = null;

  constructor(node: RawNode) {
    this.#node = node;
  }

  /** A member's process is gone; true where it was the leader, which is forgotten then. */
  gone(id: number, { voters, votersOutgoing }: ConfState): boolean {
    const { id: own, lead } = this.#node.basicStatus();
    if (id !== lead || id === own || !voters.includes(own)) return false;
    const others = [...new Set([...voters, ...votersOutgoing])].filter((voter) => voter !== id);
    const rank = others.sort((a, b) => a - b).indexOf(own);
    this.#ticksLeft = FIRST_TICKS + rank * APART_TICKS;
    this.#node.forgetLeader();
    return true;
  }

  /** Must hear of every tick of the core; campaigns where it is this member's turn. */
  tick(): void {
    if (this.#ticksLeft === null) return;
    this.#ticksLeft -= 1;
    // Somebody leads, or an election is under way that began in another way.
    if (this.#node.basicStatus().lead !== 0) this.#ticksLeft = null;
    if (this.#ticksLeft !== 0) return;
    this.#ticksLeft = null;
    this.#node.campaign();
  }
}
