import { Archive, blockingZstd } from './archive/index.ts';
import type { CoreWorld } from './node-parts.ts';

type ArchiveOptions = Parameters<typeof Archive.open>[0];

/** Opens the archive of a member over what its node is put into. */
export function openArchive(
  world: CoreWorld,
  options: Omit<ArchiveOptions, 'fs' | 'logger' | 'compression' | 'pause'>,
): Promise<Archive> {
  const { fs, logger, defer = setImmediate, compression = blockingZstd } = world;
  const pause = () => new Promise<void>((resolve) => defer(resolve));
  return Archive.open({ ...options, fs, logger, compression, pause });
}
