/** What has happened in one run, or in many. */
export class Totals {
  events = 0;
  ticks = 0;
  messages = 0;
  commits = 0;
  elections = 0;
  crashes = 0;
  partitions = 0;
  snapshots = 0;
  compactions = 0;
  confChanges = 0;
  readsAsked = 0;
  readsAnswered = 0;
  transfers = 0;
  /** Groups that a dismissal of too many voters at once has left without a quorum. */
  stuck = 0;

  add(other: Totals): void {
    this.events += other.events;
    this.ticks += other.ticks;
    this.messages += other.messages;
    this.commits += other.commits;
    this.elections += other.elections;
    this.crashes += other.crashes;
    this.partitions += other.partitions;
    this.snapshots += other.snapshots;
    this.compactions += other.compactions;
    this.confChanges += other.confChanges;
    this.readsAsked += other.readsAsked;
    this.readsAnswered += other.readsAnswered;
    this.transfers += other.transfers;
    this.stuck += other.stuck;
  }
}
