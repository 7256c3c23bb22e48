/** A store that leaves its rows to files in memory again and again, as a node leaves them to snapshots. */
import { ByteWriter } from '../../entry/index.ts';
import type { Grave, StoredRow } from '../aggregate-store.ts';
import { type BodyFile, type FrozenSlabs, SharedFile, SlabStore } from '../slab/index.ts';

/** Changes between two files, and rows that each change takes over to the last one. */
const EVERY = 5;
const COOLED = 2;
/** Room for a few of the contract's rows. */
const CACHE_BYTES = 600;

export class AdaptiveStore extends SlabStore {
  private changes = 0;
  private lastSequence = 0;
  /** Files that are open. */
  open = 0;

  constructor(...args: ConstructorParameters<typeof SlabStore>) {
    super(...args);
    this.limitMemory(CACHE_BYTES);
  }

  override put(row: StoredRow): void {
    super.put(row);
    this.onChange(row.sequence);
  }

  override bury(grave: Grave): void {
    super.bury(grave);
    this.onChange(grave.sequence);
  }

  /** Leaves all rows as they are now to a file, at once. */
  coolAll(damage: (content: Buffer) => void = () => {}): void {
    while (!this.coolSome(1000));
    this.leaveAll(damage);
    while (!this.coolSome(1000));
  }

  private onChange(sequence: number): void {
    this.lastSequence = Math.max(this.lastSequence, sequence);
    this.changes += 1;
    if (this.coolSome(COOLED) && this.changes % EVERY === 0) this.leaveAll(() => {});
  }

  private leaveAll(damage: (content: Buffer) => void): void {
    const frozen = this.freeze(this.lastSequence);
    const content = written(frozen);
    damage(content);
    this.open += 1;
    const shared = new SharedFile(fileOf(content, () => (this.open -= 1)));
    this.leaveTo(shared, frozen);
    shared.drop();
    frozen.release();
  }
}

function written(frozen: FrozenSlabs): Buffer {
  const writer = new ByteWriter();
  for (const row of frozen.numbers('row')) frozen.write(writer, row, 0);
  return Buffer.from(writer.view());
}

function fileOf(content: Buffer, onClose: () => void): BodyFile {
  return {
    appliedIndex: 0,
    read: (target, position) => content.copy(target, 0, position),
    readAhead: async () => {},
    damaged: (position) => {
      throw new Error(`damaged at ${position}`);
    },
    close: onClose,
  };
}
