import type { NameChange, Step } from './trace.ts';
import { parentOf } from './traced-file-system.ts';

/** Smallest unit that a disk writes as a whole. */
const SECTOR_BYTES = 512;

/** A disk as the next process would find it. */
export interface DiskImage {
  readonly directories: readonly string[];
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** A sector in the page cache that the disk may have or not. */
interface PendingSector {
  /** Position in the trace. */
  readonly at: number;
  readonly sector: number;
  readonly bytes: Uint8Array;
  /** Size of the file once it was written. */
  readonly size: number;
  /** A sync has failed since: the cache holds it for clean, and no later sync brings it to disk. */
  dropped: boolean;
}

class Inode {
  /** As the page cache has it. */
  content = new Uint8Array(0);
  durable = new Uint8Array(0);
  pending: PendingSector[] = [];

  write(at: number, position: number, bytes: Uint8Array): void {
    const end = Math.max(this.content.length, position + bytes.length);
    this.content = resized(this.content, end);
    this.content.set(bytes, position);
    const last = Math.ceil((position + bytes.length) / SECTOR_BYTES);
    for (let sector = Math.floor(position / SECTOR_BYTES); sector < last; sector++) {
      const start = sector * SECTOR_BYTES;
      const copy = this.content.slice(start, Math.min(start + SECTOR_BYTES, end));
      this.pending.push({ at, sector, bytes: copy, size: end, dropped: false });
    }
  }

  /** Everything written before the sync was asked for is on the disk, unless an earlier one failed. */
  synced(askedAt: number): void {
    const done = this.pending.filter((write) => write.at < askedAt && !write.dropped);
    for (const write of done) this.durable = place(this.durable, write);
    const newest = new Map(done.map((write) => [write.sector, write.at]));
    this.pending = this.pending.filter(
      (write) => write.at > (newest.get(write.sector) ?? -1) && !done.includes(write),
    );
  }

  syncFailed(askedAt: number): void {
    for (const write of this.pending) if (write.at < askedAt) write.dropped = true;
  }

  /** The file where these of the pending sectors were written back. */
  with(kept: ReadonlySet<PendingSector>): Uint8Array {
    let bytes = this.durable.slice();
    for (const write of this.pending) if (kept.has(write)) bytes = place(bytes, write);
    return bytes;
  }
}

function place(bytes: Uint8Array<ArrayBuffer>, write: PendingSector): Uint8Array<ArrayBuffer> {
  const target = resized(bytes, Math.max(bytes.length, write.size));
  target.set(write.bytes, write.sector * SECTOR_BYTES);
  return target;
}

function resized(bytes: Uint8Array<ArrayBuffer>, length: number): Uint8Array<ArrayBuffer> {
  if (bytes.length === length) return bytes;
  const next = new Uint8Array(length);
  next.set(bytes);
  return next;
}

interface Names {
  readonly files: Map<string, number>;
  readonly directories: Set<string>;
}

interface PendingChange {
  readonly at: number;
  readonly directory: string;
  readonly change: NameChange;
}

/** How much may be lost at one moment, and how it is chosen. */
export interface LossLimits {
  /** Up to this many pending sectors, every subset is tried. */
  readonly exhaustiveSectors: number;
  /** Above it, this many subsets, all and none among them. */
  readonly samples: number;
  /** In [0, 1). */
  readonly fraction: () => number;
}

/**
 * What a trace leaves on a disk: contents are durable once a sync that was asked for later has
 * returned, names once their directory was synced. Until then any set of sectors and, in each
 * directory, any prefix of the changes of names may be there.
 */
export class DiskModel {
  readonly #inodes = new Map<number, Inode>();
  readonly #durable: Names = { files: new Map(), directories: new Set(['/']) };
  #changes: PendingChange[] = [];
  /** Syncs that were asked for: when, and what of. */
  readonly #asked = new Map<number, { readonly at: number; readonly what: number | string }>();
  #at = 0;

  /** A disk that holds this image, all of it durable. */
  static of(image: DiskImage, inodeOf: (path: string) => number): DiskModel {
    const disk = new DiskModel();
    for (const directory of image.directories) disk.#durable.directories.add(directory);
    for (const [path, content] of image.files) {
      const inode = disk.#inode(inodeOf(path));
      inode.content = content.slice();
      inode.durable = content.slice();
      disk.#durable.files.set(path, inodeOf(path));
    }
    return disk;
  }

  /** Follows the trace; true where it can change what a crash leaves. */
  step(step: Step): boolean {
    this.#at += 1;
    switch (step.kind) {
      case 'write':
        this.#inode(step.inode).write(this.#at, step.position, step.bytes);
        return true;
      case 'name':
        this.#name(step.directory, step.change);
        return true;
      case 'sync':
        this.#asked.set(step.id, { at: this.#at, what: step.inode });
        return false;
      case 'syncDirectory':
        this.#asked.set(step.id, { at: this.#at, what: step.path });
        return false;
      case 'synced':
        return this.#synced(step.id, step.failed);
      case 'directorySynced':
        return this.#directorySynced(step.id);
      default:
        return false;
    }
  }

  /** Images that a power cut could leave now. */
  *images(limits: LossLimits): Generator<DiskImage> {
    for (const names of this.#nameChoices()) {
      const inodes = [...new Set(names.files.values())].map((inode) => this.#inode(inode));
      const pending = inodes.flatMap((inode) => inode.pending);
      for (const kept of subsets(pending, limits)) yield this.#image(names, kept);
    }
  }

  #inode(id: number): Inode {
    const known = this.#inodes.get(id) ?? new Inode();
    this.#inodes.set(id, known);
    return known;
  }

  #name(directory: string, change: NameChange): void {
    this.#changes.push({ at: this.#at, directory, change });
  }

  #synced(id: number, failed: boolean): boolean {
    const asked = this.#asked.get(id);
    if (typeof asked?.what !== 'number') throw new Error('a sync returned that nobody asked for');
    if (failed) this.#inode(asked.what).syncFailed(asked.at);
    else this.#inode(asked.what).synced(asked.at);
    return true;
  }

  #directorySynced(id: number): boolean {
    const asked = this.#asked.get(id);
    if (asked === undefined) throw new Error('a sync returned that nobody asked for');
    const isDone = (change: PendingChange) =>
      change.directory === asked.what && change.at < asked.at;
    for (const { change } of this.#changes.filter(isDone)) apply(this.#durable, change);
    this.#changes = this.#changes.filter((change) => !isDone(change));
    return true;
  }

  /** Directories lose what was not synced independently of each other. */
  *#nameChoices(): Generator<Names> {
    const directories = [...new Set(this.#changes.map((change) => change.directory))];
    const counts = directories.map(
      (directory) => this.#changes.filter((change) => change.directory === directory).length,
    );
    for (const kept of combinations(counts)) {
      const left = new Map(directories.map((directory, i) => [directory, kept[i] ?? 0]));
      const names = {
        files: new Map(this.#durable.files),
        directories: new Set(this.#durable.directories),
      };
      for (const { directory, change } of this.#changes) {
        const remaining = left.get(directory) ?? 0;
        if (remaining > 0) apply(names, change);
        left.set(directory, remaining - 1);
      }
      yield reachable(names);
    }
  }

  #image(names: Names, kept: ReadonlySet<PendingSector>): DiskImage {
    const files = new Map<string, Uint8Array>();
    for (const [path, inode] of names.files) files.set(path, this.#inode(inode).with(kept));
    return { directories: [...names.directories], files };
  }
}

function apply(names: Names, change: NameChange): void {
  if (change.kind === 'mkdir') names.directories.add(change.path);
  else if (change.kind === 'create') names.files.set(change.path, change.inode);
  else if (change.kind === 'remove') names.files.delete(change.path);
  else {
    const inode = names.files.get(change.from);
    if (inode === undefined) return;
    names.files.delete(change.from);
    names.files.set(change.to, inode);
  }
}

/** What lies in a directory that was lost is lost with it. */
function reachable(names: Names): Names {
  const stands = (path: string): boolean =>
    path === '/' || (names.directories.has(path) && stands(parentOf(path)));
  for (const directory of names.directories) {
    if (!stands(directory)) names.directories.delete(directory);
  }
  for (const path of names.files.keys()) {
    if (!names.directories.has(parentOf(path))) names.files.delete(path);
  }
  return names;
}

/** All vectors `v` with `0 <= v[i] <= counts[i]`, the complete one first. */
function* combinations(counts: readonly number[]): Generator<number[]> {
  const [first, ...rest] = counts;
  if (first === undefined) {
    yield [];
    return;
  }
  for (let kept = first; kept >= 0; kept--) {
    for (const others of combinations(rest)) yield [kept, ...others];
  }
}

function* subsets<T>(all: readonly T[], limits: LossLimits): Generator<ReadonlySet<T>> {
  if (all.length <= limits.exhaustiveSectors) {
    for (let mask = 0; mask < 1 << all.length; mask++) {
      yield new Set(all.filter((_, i) => mask & (1 << i)));
    }
    return;
  }
  yield new Set(all);
  yield new Set();
  for (let i = 2; i < limits.samples; i++) {
    // Few lost, few kept, and everything in between.
    const share = limits.fraction();
    yield new Set(all.filter(() => limits.fraction() < share));
  }
}
