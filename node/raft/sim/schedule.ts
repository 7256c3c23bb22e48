/** How far ahead something may be planned, in units of virtual time. */
const HORIZON = 4096;

type Action = () => void;

/**
 * Virtual time: a wheel with a slot for each unit. What is planned for the same
 * unit happens in the order of planning.
 */
export class Schedule {
  readonly #slots: Action[][] = Array.from({ length: HORIZON }, () => []);
  #now = 0;
  #position = 0;

  get now(): number {
    return this.#now;
  }

  /** Plans `action` for `delay` units from now; 0 is later in the present unit. */
  after(delay: number, action: Action): void {
    if (delay >= HORIZON) throw new RangeError(`delay ${delay} is beyond the horizon`);
    this.#slot(this.#now + delay).push(action);
  }

  /** Does what comes next. Someone must always have planned something within the horizon. */
  step(): void {
    let slot = this.#slot(this.#now);
    for (let units = 0; this.#position >= slot.length; units++) {
      if (units > HORIZON) throw new Error('nothing is planned any more');
      slot.length = 0;
      this.#position = 0;
      this.#now++;
      slot = this.#slot(this.#now);
    }
    const action = slot[this.#position];
    this.#position++;
    action?.();
  }

  #slot(time: number): Action[] {
    const slot = this.#slots[time % HORIZON];
    if (slot === undefined) throw new Error('the wheel has no such slot');
    return slot;
  }
}
