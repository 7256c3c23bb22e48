import type { ConfState, Entry, HardState, InitialState, Snapshot } from '../src/index.ts';
import { MemoryStorage, StorageError } from '../src/index.ts';
import type { Known } from './log-view.ts';
import { LogView } from './log-view.ts';

/** The package's storage in memory, which may fail to give a snapshot for a while. */
export class SimStorage extends MemoryStorage {
  snapshotUnavailable = false;
  readonly #confState: ConfState;

  /** `confState` is the membership as of what the application has applied. */
  constructor(confState: ConfState) {
    super();
    this.#confState = confState;
  }

  override initialState(): InitialState {
    return { hardState: super.initialState().hardState, confState: this.#confState };
  }

  override snapshot(): Snapshot {
    if (this.snapshotUnavailable) throw new StorageError('SNAPSHOT_TEMPORARILY_UNAVAILABLE');
    return super.snapshot();
  }
}

/** What one Ready (or StorageAppend) wants to be persisted. */
export interface Write {
  readonly snapshot: Snapshot | null;
  readonly snapshotEntry: Known | null;
  readonly entries: readonly Known[];
  readonly hardState: HardState | null;
}

/** What survives a crash, and the writes that may or may not. Writes happen in order. */
export class Disk {
  hardState: HardState;
  snapshot: Snapshot | null = null;
  log = new LogView();
  #unsynced: Write[] = [];
  /** Told about every hard state that has become durable. */
  readonly #onHardState: (state: HardState) => void;

  constructor(onHardState: (state: HardState) => void) {
    this.hardState = { term: 0, vote: 0, commit: 0 };
    this.#onHardState = onHardState;
  }

  get snapshotIndex(): number {
    return this.snapshot?.metadata.index ?? 0;
  }

  /** Whether the entry is durable, in itself or within a snapshot. */
  holds(known: Known): boolean {
    const { index } = known.entry;
    return index <= this.snapshotIndex || this.log.at(index) === known;
  }

  write(write: Write): void {
    this.#unsynced.push(write);
  }

  sync(): void {
    for (const write of this.#unsynced) this.#persist(write);
    this.#unsynced.length = 0;
  }

  /** How many writes a crash could lose. */
  get unsynced(): number {
    return this.#unsynced.length;
  }

  /** The first `survivors` of the unsynced writes had reached the disk all the same. */
  crash(survivors: number): void {
    this.#unsynced.length = survivors;
    this.sync();
  }

  /** Founds a log, or takes the application's own snapshot. */
  keepSnapshot(snapshot: Snapshot): void {
    this.snapshot = snapshot;
  }

  #persist(write: Write): void {
    if (write.snapshot !== null && write.snapshotEntry !== null) {
      this.snapshot = write.snapshot;
      this.log.reset(write.snapshotEntry);
    }
    this.log.replace(write.entries);
    if (write.hardState === null) return;
    this.hardState = write.hardState;
    this.#onHardState(write.hardState);
  }

  /** A storage that holds what is durable. */
  load(confState: ConfState): SimStorage {
    const storage = new SimStorage(confState);
    if (this.snapshot !== null) storage.applySnapshot(this.snapshot);
    const entries: Entry[] = this.log.after(this.snapshotIndex).map(({ entry }) => entry);
    storage.append(entries);
    const { term, vote, commit } = this.hardState;
    if (term !== 0 || vote !== 0 || commit !== 0) storage.setHardState(this.hardState);
    return storage;
  }
}
