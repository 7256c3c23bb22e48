import type { ConfState, RawNode, Status } from 'etcd-raft-ts';
import { type Clock, EngineError } from '../ports/index.ts';

const NOBODY: ReadonlySet<number> = new Set();

/** The other voter that is furthest along and was heard from; null where there is none. */
export function chooseTransferee(
  status: Status,
  confState: ConfState,
  except: ReadonlySet<number> = NOBODY,
): number | null {
  let best: { readonly id: number; readonly match: number } | null = null;
  for (const id of confState.voters) {
    const progress = status.progress.get(id);
    if (id === status.id || except.has(id)) continue;
    if (progress === undefined || !progress.recentActive) continue;
    if (best === null || progress.match > best.match) best = { id, match: progress.match };
  }
  return best?.id ?? null;
}

/** Who leads, while leadership is on its way. */
interface LeaderView {
  readonly leader: number;
  readonly memberId: number;
  onceChanged(callback: () => void): () => void;
}

/** A hand-over of leadership (Raft thesis, section 3.10). Nothing is proposed while it lasts. */
export class Transfer {
  readonly #node: RawNode;
  readonly #clock: Clock;
  #pending = false;

  constructor(node: RawNode, clock: Clock) {
    this.#node = node;
    this.#clock = clock;
  }

  get pending(): boolean {
    return this.#pending;
  }

  begin(to: number): void {
    this.#node.transferLeader(to);
    this.#pending = true;
  }

  /** The core gives a hand-over up after an election timeout. */
  check(): void {
    if (this.#pending) this.#pending = this.#node.basicStatus().leadTransferee !== 0;
  }

  /** @throws EngineError `unavailable` */
  done(timeoutMs: number, view: LeaderView): Promise<void> {
    return new Promise((resolve, reject) => {
      let cancel: (() => void) | null = null;
      const timer = this.#clock.after(timeoutMs, () => {
        cancel?.();
        reject(new EngineError('unavailable', 'nobody took over in time'));
      });
      const check = (): void => {
        if (view.leader === 0 || view.leader === view.memberId) {
          cancel = view.onceChanged(check);
          return;
        }
        timer.cancel();
        resolve();
      };
      check();
    });
  }
}
