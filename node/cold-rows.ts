import type { StateChunks } from './consensus/index.ts';
import type { Log, SnapshotParts } from './log/index.ts';
import type { Logger } from './ports/index.ts';
import { type BodyFile, StateSnapshot } from './state/index.ts';

/** What {@link ColdRows} work with. */
export interface ColdRowsDependencies {
  readonly log: () => Log | null;
  readonly world: {
    readonly logger: Logger;
    /** Runs a callback after the events of this turn of the event loop; default setImmediate. */
    readonly defer?: (callback: () => void) => void;
  };
  /** A row cannot be read from the snapshot, or is damaged there: the member must stop. */
  readonly onDamage: (error: Error) => void;
}

/**
 * Leaves the bodies of rows of adaptive models to the newest snapshot, a slice at a time, once it is
 * written. Where that cannot be opened they stay where they are: nothing depends on it.
 */
export class ColdRows {
  readonly #deps: ColdRowsDependencies;
  #isCooling = false;

  constructor(deps: ColdRowsDependencies) {
    this.#deps = deps;
  }

  /** The snapshot that a state is restored from. */
  async openBodies(): Promise<BodyFile | null> {
    const parts = await this.#deps.log()?.openSnapshotParts();
    return parts ? this.#guarded(parts) : null;
  }

  /** A state is in the current snapshot. */
  onSnapshot(chunks: StateChunks): void {
    if (!(chunks instanceof StateSnapshot) || !chunks.wantsBodies || this.#isCooling) return;
    this.#isCooling = true;
    this.#leave(chunks)
      .catch((error: unknown) => {
        this.#deps.world.logger.warn({ reason: String(error) }, 'rows stay in memory');
      })
      .finally(() => {
        this.#isCooling = false;
      });
  }

  async #leave(snapshot: StateSnapshot): Promise<void> {
    const file = await this.openBodies();
    if (file === null) return;
    if (file.appliedIndex !== snapshot.appliedIndex) {
      file.close();
      return;
    }
    snapshot.leaveTo(file);
    while (!snapshot.coolSome()) await this.#turn();
  }

  #guarded(parts: SnapshotParts): BodyFile {
    const guard = <T>(act: () => T): T => {
      try {
        return act();
      } catch (error) {
        this.#deps.onDamage(error instanceof Error ? error : new Error(String(error)));
        throw error;
      }
    };
    return {
      appliedIndex: parts.appliedIndex,
      read: (target, position) => guard(() => parts.read(target, position)),
      readAhead: (position, bytes) => parts.readAhead(position, bytes),
      damaged: (position) => guard(() => parts.damaged(position)),
      close: () => parts.close(),
    };
  }

  #turn(): Promise<void> {
    const { defer } = this.#deps.world;
    return new Promise((resolve) => {
      if (defer === undefined) setImmediate(resolve);
      else defer(resolve);
    });
  }
}
