import { type FileSystem, syncFile, writeAt } from '../log/index.ts';
import { ColdError, type ColdStat, type ColdStore } from './cold-store.ts';

const UNFINISHED = '.tmp';

/**
 * Objects as files under a directory that exists, such as a mounted share. It is never made: where
 * it is gone, a share is not mounted, and its place is no place for history.
 */
export class DirectoryStore implements ColdStore {
  readonly description: string;
  readonly #fs: FileSystem;
  readonly #directory: string;

  constructor(fs: FileSystem, directory: string) {
    this.#fs = fs;
    this.#directory = directory.replace(/\/+$/, '');
    this.description = this.#directory;
  }

  put(name: string, bytes: Uint8Array): Promise<void> {
    return this.#used(async () => {
      const path = `${this.#directory}/${name}`;
      const folder = path.slice(0, path.lastIndexOf('/'));
      await this.#fs.makeDirectory(folder);
      const file = await this.#fs.open(`${path}${UNFINISHED}`, 'create');
      try {
        await writeAt(file, bytes, 0);
        await syncFile(file);
      } finally {
        await file.close();
      }
      await this.#fs.rename(`${path}${UNFINISHED}`, path);
      await this.#fs.syncDirectory(folder);
    });
  }

  stat(name: string): Promise<ColdStat | null> {
    return this.#used(async () => {
      const found = await this.#fs.stat(`${this.#directory}/${name}`);
      return found === null ? null : { bytes: found.size, sha256: null };
    });
  }

  read(name: string, offset: number, length: number): Promise<Uint8Array> {
    return this.#used(async () => {
      const path = `${this.#directory}/${name}`;
      if ((await this.#fs.stat(path)) === null) throw missing(name);
      const file = await this.#fs.open(path, 'read');
      try {
        const bytes = new Uint8Array(length);
        if (file.read(bytes, offset) === length) return bytes;
      } finally {
        await file.close();
      }
      throw new ColdError('COLD_CORRUPT', `${name} is cut off`);
    });
  }

  remove(name: string): Promise<void> {
    return this.#used(async () => {
      const path = `${this.#directory}/${name}`;
      if ((await this.#fs.stat(path)) === null) return;
      await this.#fs.remove(path);
      await this.#fs.syncDirectory(path.slice(0, path.lastIndexOf('/')));
    });
  }

  list(folder: string): Promise<readonly string[]> {
    return this.#used(async () => {
      const path = `${this.#directory}/${folder}`;
      if ((await this.#fs.stat(path)) === null) return [];
      return (await this.#fs.list(path)).map((name) => `${folder}/${name}`);
    });
  }

  close(): void {
    // Nothing stays open between two uses.
  }

  async #used<T>(work: () => Promise<T>): Promise<T> {
    try {
      const found = await this.#fs.stat(this.#directory);
      if (found?.kind === 'directory') return await work();
    } catch (error) {
      if (error instanceof ColdError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw new ColdError('COLD_UNAVAILABLE', `${this.#directory}: ${reason}`);
    }
    throw new ColdError('COLD_UNAVAILABLE', `there is no directory ${this.#directory}`);
  }
}

function missing(name: string): ColdError {
  return new ColdError('COLD_MISSING', `there is no object ${name}`);
}
