import type { Cluster } from './cluster.ts';
import type { Member } from './member.ts';

const MOST_UNCOMMITTED = 100;

/** Clients that propose and read wherever they please. */
export class Clients {
  readonly #cluster: Cluster;
  #proposals = 0;
  #reads = 0;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#next();
  }

  #next(): void {
    const { schedule, plan, healed } = this.#cluster;
    schedule.after(plan.rates.clientPause, () => {
      if (healed) return;
      this.#ask();
      this.#next();
    });
  }

  #ask(): void {
    const { random } = this.#cluster;
    const member = this.#someone();
    if (member === undefined) return;
    if (random.chance(200)) this.read(member);
    else if (!this.#overloaded()) member.propose(this.payloads(1 + random.below(4)));
  }

  /** Nobody waits for what will never catch up among faults. */
  #overloaded(): boolean {
    const { running, ledger } = this.#cluster;
    const limit = ledger.maxCommit + MOST_UNCOMMITTED;
    return running.some(({ life }) => (life?.watch.status.lastIndex ?? 0) > limit);
  }

  /** Mostly the leader; sometimes one that only believes to lead. */
  #someone(): Member | undefined {
    const { random, leader, running } = this.#cluster;
    if (leader !== undefined && random.chance(500)) return leader;
    return random.pick(running);
  }

  /** Different bytes in each proposal. */
  payloads(count: number): Uint8Array[] {
    const { random } = this.#cluster;
    return Array.from({ length: count }, () => {
      this.#proposals++;
      const data = new Uint8Array(4 + random.below(random.chance(50) ? 300 : 30));
      new DataView(data.buffer).setUint32(0, this.#proposals);
      return data;
    });
  }

  /** The result is the number of the read. */
  read(member: Member): number {
    const { ledger, totals, event } = this.#cluster;
    const context = new Uint8Array(4);
    this.#reads++;
    totals.readsAsked++;
    new DataView(context.buffer).setUint32(0, this.#reads);
    ledger.reads.set(this.#reads, {
      requester: member.id,
      floor: ledger.maxCommit,
      event,
      answered: false,
    });
    member.act('asks for a read index', null, (node) => node.readIndex(context));
    return this.#reads;
  }
}
