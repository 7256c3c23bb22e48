import type { Message } from '../src/index.ts';
import { decodeMessage, encodeMessage, MessageType } from '../src/index.ts';
import type { Member } from './member.ts';
import type { Plan } from './plan.ts';
import type { Random } from './random.ts';
import type { Schedule } from './schedule.ts';

/** What the network needs to know of the run. */
export interface Surface {
  readonly plan: Plan;
  readonly random: Random;
  readonly schedule: Schedule;
  readonly healed: boolean;
  readonly calm: boolean;
  readonly event: number;
  member(id: number): Member | undefined;
}

/** Loses, duplicates, delays and reorders messages, and cuts links, one way or both. */
export class Network {
  readonly #surface: Surface;
  readonly #cut = new Set<number>();

  constructor(surface: Surface) {
    this.#surface = surface;
  }

  /** Cuts the link from one member to another, in this direction only. */
  cut(from: number, to: number): void {
    this.#cut.add(link(from, to));
  }

  heal(): void {
    this.#cut.clear();
  }

  send(from: Member, message: Message): void {
    const { plan, random, healed, calm } = this.#surface;
    const { rates } = plan;
    const copy = plan.encoded ? decodeMessage(encodeMessage(message)) : message;
    const lost =
      this.#cut.has(link(from.id, message.to)) || (!healed && !calm && random.chance(rates.loss));
    if (lost) {
      this.#lose(from, message);
      return;
    }
    this.#plan(from, copy);
    if (!healed && random.chance(rates.duplicate)) this.#plan(from, copy);
  }

  #lose(from: Member, message: Message): void {
    const { random } = this.#surface;
    if (message.type === MessageType.Snap) this.#report(from, message.to, random.chance(950));
    else if (random.chance(200)) {
      this.#soon(() => {
        from.act('reports unreachable', null, (node) => node.reportUnreachable(message.to));
      });
    }
  }

  #plan(from: Member, message: Message): void {
    const { schedule, event } = this.#surface;
    schedule.after(this.#delay(), () => this.#deliver(from, message, event));
  }

  #deliver(from: Member, message: Message, made: number): void {
    const { random, schedule } = this.#surface;
    const to = this.#surface.member(message.to);
    if (to === undefined || !to.running) {
      this.#lose(from, message);
      return;
    }
    if (to.paused) {
      schedule.after(1 + random.below(20), () => this.#deliver(from, message, made));
      return;
    }
    to.deliver(message, made);
    // The report may be wrong: what came after the snapshot got lost.
    if (message.type === MessageType.Snap) this.#report(from, message.to, random.chance(150));
  }

  #report(from: Member, to: number, failure: boolean): void {
    const status = failure ? 'failure' : 'finish';
    this.#soon(() => {
      from.act(`reports snapshot ${status}`, null, (node) => node.reportSnapshot(to, status));
    });
  }

  #soon(action: () => void): void {
    const { random, schedule } = this.#surface;
    schedule.after(1 + random.below(10), action);
  }

  #delay(): number {
    const { plan, random, healed, calm } = this.#surface;
    if (healed || calm) return 1;
    if (random.chance(plan.rates.late)) return random.between(20, 400);
    return random.between(1, plan.rates.maxDelay);
  }
}

function link(from: number, to: number): number {
  return from * 4096 + to;
}
