/** Snapshots as files in memory, framed as the log frames them. */
import { type BodyFile, type ReplicatedState, restoreState } from '../index.ts';

const FRAME = Buffer.alloc(8);

/** Writes a snapshot and leaves bodies to it, as a node does; rows go over with `coolSome`. */
export function leaveToSnapshot(
  state: ReplicatedState,
  damage: (content: Buffer) => void = () => {},
  watched: (file: BodyFile) => BodyFile = (file) => file,
): void {
  const snapshot = state.snapshot();
  const content = framed(Array.from(snapshot, (chunk) => chunk.slice()));
  damage(content);
  if (snapshot.wantsBodies) snapshot.leaveTo(watched(fileOf(content, state.appliedIndex)));
}

/** A state that is restored from a snapshot of another, and leaves bodies to it. */
export function restoredCold(state: ReplicatedState): Promise<ReplicatedState> {
  const chunks = Array.from(state.snapshot(), (chunk) => chunk.slice());
  const file = fileOf(framed(chunks), state.appliedIndex);
  return restoreState(chunks, { openBodies: () => Promise.resolve(file) });
}

function framed(chunks: readonly Uint8Array[]): Buffer {
  return Buffer.concat(chunks.flatMap((chunk) => [FRAME, chunk]));
}

function fileOf(content: Buffer, appliedIndex: number): BodyFile {
  let isOpen = true;
  return {
    appliedIndex,
    read: (target, position) => {
      if (!isOpen) throw new Error('the file is closed');
      return content.copy(target, 0, position);
    },
    readAhead: async () => {},
    damaged: (position) => {
      throw new Error(`damaged at ${position}`);
    },
    close: () => {
      isOpen = false;
    },
  };
}
