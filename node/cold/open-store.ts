import type { ColdStoreSpec } from '@lithair/crds';
import type { FileSystem } from '../log/index.ts';
import { ColdError, type ColdStore } from './cold-store.ts';
import { DirectoryStore } from './directory-store.ts';
import { S3Store } from './s3-store.ts';

/** The store that a model declares. Nothing is opened, loaded or asked before it is used. */
export function openColdStore(settings: ColdStoreSpec, fs: FileSystem): ColdStore {
  const { type, directory, bucket } = settings;
  if (type === 'directory' && directory !== undefined) return new DirectoryStore(fs, directory);
  if (type === 's3' && bucket !== undefined) return new S3Store({ ...settings, bucket });
  throw new ColdError('COLD_REFUSED', `store.cold of type ${type} is not complete`);
}
