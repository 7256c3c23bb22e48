import type { RunReport } from './run.ts';

/** What runs amounted to, all together. */
export class Figures {
  readonly #startedMs: number;
  readonly #faults = new Map<string, number>();
  #runs = 0;
  #virtualMs = 0;
  #events = 0;
  #commits = 0;
  #operations = 0;
  #acknowledged = 0;
  #diskReads = 0;
  #statesCompared = 0;

  /** @param startedMs real time, monotonic */
  constructor(startedMs: number) {
    this.#startedMs = startedMs;
  }

  get runs(): number {
    return this.#runs;
  }

  add(report: RunReport): void {
    this.#runs += 1;
    this.#virtualMs += report.virtualMs;
    this.#events += report.events;
    this.#commits += report.commits;
    this.#operations += report.operations;
    this.#acknowledged += report.acknowledged;
    this.#diskReads += report.diskReads;
    this.#statesCompared += report.statesCompared;
    for (const [fault, count] of report.faults) {
      this.#faults.set(fault, (this.#faults.get(fault) ?? 0) + count);
    }
  }

  /** One line for those who wait. */
  progress(nowMs: number, failed: number): string {
    const seconds = (nowMs - this.#startedMs) / 1000;
    const rate = Math.round((this.#runs / seconds) * 60);
    return `${this.#runs} seeds, ${failed} failed, ${rate} seeds per minute, ${this.#commits} commits`;
  }

  /** Everything, for the end. */
  summary(nowMs: number): string {
    const minutes = (nowMs - this.#startedMs) / 60_000;
    const hours = this.#virtualMs / 3_600_000;
    const faults = [...this.#faults].sort((a, b) => b[1] - a[1]);
    return [
      `${this.#runs} seeds in ${minutes.toFixed(1)} minutes: ${hours.toFixed(1)} simulated hours, ${(hours / minutes).toFixed(1)} per real minute`,
      `${this.#commits} commits, ${this.#operations} operations (${this.#acknowledged} acknowledged), ${this.#events} events`,
      `${this.#statesCompared} states compared, ${this.#diskReads} acknowledgements checked against the disks`,
      `faults: ${faults.map(([fault, count]) => `${fault} ${count}`).join(', ')}`,
    ].join('\n');
  }
}
