import type { SnapshotMetadata } from 'etcd-raft-ts';
import type { NodeIdentity, SaveRequest } from '../index.ts';
import type { LogState } from './log-state.ts';

/**
 * One thing that happened while a workload ran: the disk was asked for something, the disk said
 * that it is done, or the log was asked or said something (a fact).
 */
export type Step =
  | {
      readonly kind: 'write';
      readonly id: number;
      readonly inode: number;
      readonly position: number;
      readonly bytes: Uint8Array;
    }
  | { readonly kind: 'written'; readonly id: number }
  | { readonly kind: 'sync'; readonly id: number; readonly inode: number }
  | { readonly kind: 'synced'; readonly id: number; readonly failed: boolean }
  | { readonly kind: 'name'; readonly directory: string; readonly change: NameChange }
  | { readonly kind: 'syncDirectory'; readonly id: number; readonly path: string }
  | { readonly kind: 'directorySynced'; readonly id: number }
  | { readonly kind: 'fact'; readonly fact: Fact };

/** A change of the names in a directory. */
export type NameChange =
  | { readonly kind: 'create'; readonly path: string; readonly inode: number }
  | { readonly kind: 'rename'; readonly from: string; readonly to: string }
  | { readonly kind: 'remove'; readonly path: string }
  | { readonly kind: 'mkdir'; readonly path: string };

/** What the log was asked for, and what it promised. */
export type Fact =
  | { readonly kind: 'saving'; readonly number: number; readonly request: SaveRequest }
  | { readonly kind: 'saved'; readonly number: number }
  | { readonly kind: 'compacting'; readonly index: number; readonly term: number }
  | { readonly kind: 'snapshotting'; readonly metadata: SnapshotMetadata }
  | { readonly kind: 'snapshotted'; readonly index: number }
  | { readonly kind: 'naming' | 'named'; readonly identity: NodeIdentity }
  /** No file needs a key before this one any more. */
  | { readonly kind: 'rewritten'; readonly key: number }
  /** The log was recovered, and this is what it holds: as good as acknowledged from here on. */
  | { readonly kind: 'opened'; readonly state: LogState; readonly snapshotIndex: number };

/** Everything that happened, in order. */
export class Trace {
  readonly steps: Step[] = [];
  #lastId = 0;

  add(step: Step): void {
    this.steps.push(step);
  }

  fact(fact: Fact): void {
    this.steps.push({ kind: 'fact', fact });
  }

  /** Connects what the disk is asked for with its answer. */
  nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }
}
