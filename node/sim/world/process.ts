/** Something that happens at a virtual moment. */
export interface Happening {
  readonly run: () => void;
}

/**
 * A process of the operating system, as far as a simulation needs one. Whatever belongs to it goes
 * through it: a dead process hears nothing and changes nothing any more, whatever its code still
 * does; a stopped one (SIGSTOP) hears everything late.
 */
export class Process {
  readonly name: string;
  #alive = true;
  #stopped = false;
  #held: Happening[] = [];

  constructor(name: string) {
    this.name = name;
  }

  get alive(): boolean {
    return this.#alive;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  kill(): void {
    this.#alive = false;
    this.#held = [];
  }

  stop(): void {
    this.#stopped = true;
  }

  /** What was held back, in order. */
  resume(): readonly Happening[] {
    this.#stopped = false;
    const held = this.#held;
    this.#held = [];
    return held;
  }

  hold(happening: Happening): void {
    this.#held.push(happening);
  }
}
