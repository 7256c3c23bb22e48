import type { Machine } from '../machine.ts';
import { describe, holds, readDurableLog } from './durable-log.ts';
import { BrokenPromise } from './errors.ts';

const DATA_DIR = '/data';
/** Acknowledgements of which one is checked against the disks themselves. */
const READ_DISKS_EVERY = 12;

/**
 * What was acknowledged is durable on a quorum of the voters, at that very moment: what
 * their disks would keep if all power went. Read now and then, because it takes a while.
 */
export class Durability {
  readonly #machines: readonly Machine[];
  #count = 0;
  #diskReads = 0;
  #failure: BrokenPromise | null = null;

  constructor(machines: readonly Machine[]) {
    this.#machines = machines;
  }

  get diskReads(): number {
    return this.#diskReads;
  }

  /** The first broken promise that was found; disks are read while time goes on. */
  get failure(): BrokenPromise | null {
    return this.#failure;
  }

  onAcknowledged(index: number): void {
    this.#count += 1;
    if (this.#count % READ_DISKS_EVERY !== 0) return;
    const term = this.#termOf(index);
    if (term === null) return;
    // Whoever tells it may not have heard yet of the membership that made it safe.
    const memberships = this.#machines.flatMap(({ core }) => {
      const voters = core?.consensus?.confState.voters;
      return voters === undefined ? [] : [voters];
    });
    const images = this.#machines.map((machine) => ({
      name: machine.name,
      id: machine.memberId,
      image: machine.disk.durableImage(),
      isDamaged: machine.disk.isDamaged,
    }));
    void this.#readDisks(images, memberships, index, term);
  }

  /**
   * The term of what was acknowledged, from a member that has applied it: the log of whoever passed
   * the answer on may still hold something else there. Null where it is compacted everywhere.
   */
  #termOf(index: number): number | null {
    for (const { core } of this.#machines) {
      const { log, consensus } = core ?? {};
      if (!log || !consensus || consensus.applied < index || index < log.firstIndex()) continue;
      return log.term(index);
    }
    return null;
  }

  async #readDisks(
    images: readonly {
      readonly name: string;
      readonly id: number | null;
      readonly image: ReturnType<Machine['disk']['durableImage']>;
      readonly isDamaged: boolean;
    }[],
    memberships: readonly (readonly number[])[],
    index: number,
    term: number,
  ): Promise<void> {
    this.#diskReads += 1;
    const holders = new Set<number>();
    const findings: string[] = [];
    for (const { name, id, image, isDamaged } of images) {
      if (id === null) continue;
      const durable = await readDurableLog(image, DATA_DIR);
      // Behind damage that was done to it, a disk cannot be read; it did its part when it was sound.
      const unreadable = isDamaged && durable.problem !== null;
      if (unreadable || holds(durable, index, term)) holders.add(id);
      findings.push(`${name} ${describe(durable)}`);
    }
    const isSafe = memberships.some(
      (voters) => 2 * voters.filter((id) => holders.has(id)).length > voters.length,
    );
    if (isSafe) return;
    const where = `durable on ${[...holders].join(', ')}, which is no quorum`;
    const text = `entry ${index} of term ${term} was acknowledged and is ${where}`;
    this.#failure ??= new BrokenPromise(
      'durable-on-quorum',
      `${text} (disks: ${findings.join('; ')})`,
    );
  }
}
