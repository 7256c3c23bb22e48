/**
 * The cold room: places where objects lie that a member seldom reads. A directory that all members
 * share, or a bucket of any S3-compatible service.
 */
export { ColdError, type ColdErrorCode, type ColdStat, type ColdStore } from './cold-store.ts';
export { DirectoryStore } from './directory-store.ts';
export { openColdStore } from './open-store.ts';
export { S3Store } from './s3-store.ts';
