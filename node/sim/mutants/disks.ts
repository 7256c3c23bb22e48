import type { OpenFile } from '../../log/index.ts';
import { type DiskFilter, withFiles } from '../world/index.ts';

/** A disk that breaks a promise on purpose. */
export interface BrokenDisk {
  readonly name: string;
  readonly disk: DiskFilter;
}

export const BROKEN_DISKS: readonly BrokenDisk[] = [
  {
    name: 'a disk that forgets syncs',
    disk: (disk) => withSync(disk, (_file, done) => queueMicrotask(() => done(null))),
  },
  {
    name: 'a disk whose syncs end before they are done',
    disk: (disk) =>
      withSync(disk, (file, done) => {
        file.sync(() => {});
        queueMicrotask(() => done(null));
      }),
  },
  {
    name: 'a disk that forgets names',
    disk: (disk) => ({
      ...withFiles(disk, (file) => file),
      syncDirectory: () => Promise.resolve(),
    }),
  },
  {
    name: 'a disk that hides failed syncs',
    disk: (disk) => withSync(disk, (file, done) => file.sync(() => done(null))),
  },
];

function withSync(
  disk: Parameters<DiskFilter>[0],
  sync: (file: OpenFile, done: (error: Error | null) => void) => void,
): ReturnType<DiskFilter> {
  return withFiles(disk, (file) => ({
    size: () => file.size(),
    read: (target, position) => file.read(target, position),
    readAhead: (position, bytes) => file.readAhead(position, bytes),
    write: (source, position, done) => file.write(source, position, done),
    ...(file.writeNow && { writeNow: file.writeNow.bind(file) }),
    sync: (done) => sync(file, done),
    close: () => file.close(),
  }));
}
