import { Clients } from './clients.ts';
import { Cluster } from './cluster.ts';
import { beginFaults } from './faults.ts';
import { TICK_UNITS } from './member.ts';
import { isJoint, isMember, isQuorum, isVoter } from './membership-model.ts';
import { makePlan } from './plan.ts';
import type { Totals } from './totals.ts';
import { Trace } from './trace.ts';
import { demand, Violation } from './violation.ts';

/** How long a run lasts: `steps` events and `commits` commits, but not for ever. */
export interface Length {
  readonly steps: number;
  readonly commits: number;
}

export const DEFAULT_LENGTH: Length = { steps: 6000, commits: 300 };

/** What became of a seed. */
export interface Outcome {
  readonly seed: number;
  readonly totals: Totals;
  readonly hash: string;
  /** null when every property held. */
  readonly violation: Violation | null;
  /** The events until the violation, or all. */
  readonly events: number;
  /** How long the group took to be well after healing, in election timeouts. */
  readonly recovery: number;
  /** The end of what happened, if that was asked for. */
  readonly lines: readonly string[];
}

const MOST_EVENTS_PER_STEP = 20;
const RECOVERY_TIMEOUTS = 10;
/** Units of virtual time until a read is asked again. */
const READ_PATIENCE = 3 * TICK_UNITS;

/** Runs the group of one seed, first with faults and then without. */
export function runSeed(seed: number, length: Length, readable = false): Outcome {
  const trace = new Trace(readable);
  const cluster = new Cluster(makePlan(seed), trace);
  const clients = new Clients(cluster);
  const { totals, ledger } = cluster;
  let violation: Violation | null = null;
  let recovery = 0;
  try {
    beginFaults(cluster);
    runWithFaults(cluster, length);
    recovery = recover(cluster, clients);
  } catch (error) {
    violation = asViolation(error);
  }
  totals.commits = ledger.commits;
  totals.confChanges = ledger.confChanges;
  totals.elections = ledger.elections;
  totals.readsAnswered = ledger.readsAnswered;
  const { hash, lines } = trace;
  return { seed, totals, hash, violation, events: cluster.event, recovery, lines };
}

/** The core must never throw here, whatever the others do. */
function asViolation(error: unknown): Violation {
  if (error instanceof Violation) return error;
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new Violation('the core does not throw', text);
}

function runWithFaults(cluster: Cluster, { steps, commits }: Length): void {
  const bound = steps * MOST_EVENTS_PER_STEP;
  while (cluster.event < steps || cluster.ledger.commits < commits) {
    if (cluster.event >= bound && isStuck(cluster)) return;
    demand(
      cluster.event < bound,
      'progress among faults',
      () => `${cluster.ledger.commits} commits after ${bound} events`,
    );
    cluster.step();
  }
}

/** Progress: soon after the faults have ended there is a leader, and everyone applies what it takes. */
function recover(cluster: Cluster, clients: Clients): number {
  cluster.heal();
  // The longest that a timeout can be drawn.
  const timeout = 2 * cluster.plan.electionTick * TICK_UNITS;
  const begin = cluster.schedule.now;
  const probe = new Probe(cluster, clients);
  while (!probe.done()) {
    const waited = cluster.schedule.now - begin;
    if (waited > RECOVERY_TIMEOUTS * timeout && isStuck(cluster)) {
      cluster.totals.stuck++;
      break;
    }
    demand(
      waited <= RECOVERY_TIMEOUTS * timeout,
      'progress after healing',
      () => `nothing new is applied everywhere after ${RECOVERY_TIMEOUTS} election timeouts`,
    );
    cluster.step();
  }
  return (cluster.schedule.now - begin) / timeout;
}

/**
 * A known limit of taking changes into force when they are applied: where a change
 * dismisses so many voters that the rest was no majority before, and not all of the
 * rest have learned of it, those cannot win an election any more. (Upstream warns of
 * taking a member from a group of two.)
 */
function isStuck({ ledger, conf, members }: Cluster): boolean {
  let known = ledger.lastDecided;
  for (const { id, life } of members) {
    if (isVoter(conf, id)) known = Math.min(known, life?.state.index ?? 0);
  }
  for (let index = Math.max(known + 1, 2); index <= ledger.lastDecided; index++) {
    const before = ledger.decision(index - 1).conf;
    const after = ledger.decision(index).conf;
    if (after !== before && !isQuorum(before, (id) => isVoter(after, id))) return true;
  }
  return false;
}

/** A proposal that is repeated until one leader has carried it through. */
class Probe {
  readonly #cluster: Cluster;
  readonly #clients: Clients;
  #term = 0;
  #index = 0;
  /** The newest read of each member that has to answer one. */
  readonly #reads = new Map<number, number>();
  #askedAt = 0;
  /** Who led when everyone had caught up: somebody else has to at the end. */
  #firstLeader = 0;
  #transferredAt = 0;

  constructor(cluster: Cluster, clients: Clients) {
    this.#cluster = cluster;
    this.#clients = clients;
  }

  done(): boolean {
    const { leader } = this.#cluster;
    const watch = leader?.life?.watch;
    if (leader === undefined || watch === undefined) return false;
    if (this.#firstLeader !== 0) return this.#transferred();
    if (watch.status.term !== this.#term) {
      if (leader.propose(this.#clients.payloads(1)) !== 'ok') return false;
      this.#term = watch.status.term;
      this.#index = watch.status.lastIndex;
      return false;
    }
    return this.#everywhere() && this.#readable() && this.#transferred();
  }

  /** Every member gets a read answered; what is lost on the way is asked again. */
  #readable(): boolean {
    const { conf, running, ledger, schedule } = this.#cluster;
    const waiting = running.filter(
      ({ id }) =>
        isMember(conf, id) && ledger.reads.get(this.#reads.get(id) ?? 0)?.answered !== true,
    );
    if (schedule.now - this.#askedAt >= READ_PATIENCE) {
      this.#askedAt = schedule.now;
      for (const member of waiting) this.#reads.set(member.id, this.#clients.read(member));
    }
    return waiting.length === 0;
  }

  /** Leadership can be handed to another voter, unless there is none; what fails is asked again. */
  #transferred(): boolean {
    const { conf, leader, schedule, plan } = this.#cluster;
    if (leader === undefined) return false;
    const other = conf.voters.find((id) => id !== this.#firstLeader);
    if (this.#firstLeader === 0) this.#firstLeader = leader.id;
    if (other === undefined || leader.id !== this.#firstLeader) return true;
    if (schedule.now - this.#transferredAt < plan.electionTick * TICK_UNITS) return false;
    this.#transferredAt = schedule.now;
    const target = conf.voters.find((id) => id !== leader.id) ?? leader.id;
    leader.act(`transfers to ${target}`, null, (node) => node.transferLeader(target));
    leader.life?.watch.transferring();
    return false;
  }

  #everywhere(): boolean {
    const { conf, members, ledger } = this.#cluster;
    if (ledger.lastDecided < this.#index) return false;
    if (isJoint(conf) && conf.autoLeave) return false;
    return members.every(
      ({ id, life }) => !isMember(conf, id) || (life?.state.index ?? 0) >= this.#index,
    );
  }
}
