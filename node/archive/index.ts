/**
 * The archive room: history that left memory. Sealed generations in compressed, checksummed files,
 * read block by block; joined, and freed of what is not kept any more, in the background.
 */
export {
  ARCHIVE_DIRECTORY,
  Archive,
  type Expiry,
  type HeldArchive,
  reachesBack,
  type Versions,
} from './archive.ts';
export { ArchiveFile, archivePurpose } from './archive-file.ts';
export { ArchivedHistory, hasArchives } from './archived-history.ts';
export { CATALOG_NAME } from './catalog.ts';
export { ColdArchive, coldEndsIn, coldOwner, type PackedObject } from './cold-archive.ts';
export { blockingZstd, type Compression, threadedZstd } from './compression.ts';
export { ArchiveError } from './errors.ts';
export {
  FOLD_FILES,
  FOLDED_BYTES,
  foldersOf,
  holdsExpired,
  keep,
  mayHoldExpired,
} from './folding.ts';
export { archivePlaces, COLD_OBJECT, scanArchives, surveyArchives } from './survey.ts';
export { type AskMember, fetchArchive, serveArchive } from './transfer.ts';
