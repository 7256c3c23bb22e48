// Copies of the project in which mutants are planted, one at a time.
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type Mutant, plant } from './mutant.ts';

export const PROJECT = join(import.meta.dirname, '..', '..');
const LEFT_OUT = ['node_modules', '.git', 'dist', 'data', 'tmp'];
/** Packages of the project itself, as they are found in node_modules: those of the copy count. */
const OWN: Readonly<Record<string, string>> = {
  'etcd-raft-ts': 'node/raft',
  '@lithair/crds': 'crds',
  '@lithair/node': 'node',
  '@lithair/operator': 'operator',
  '@lithair/e2e': 'e2e',
};

/** A copy of the project's files in a temporary directory, with its dependencies. */
export class Workspace {
  readonly directory: string;
  /** For what tests write. */
  readonly temporary: string;

  constructor() {
    this.directory = mkdtempSync(join(tmpdir(), 'model-mutants-'));
    this.temporary = join(this.directory, 'tmp');
    mkdirSync(this.temporary);
    for (const name of readdirSync(PROJECT)) {
      if (LEFT_OUT.includes(name)) continue;
      const filter = (path: string) => !LEFT_OUT.slice(0, 3).includes(basename(path));
      cpSync(join(PROJECT, name), join(this.directory, name), { recursive: true, filter });
    }
    this.#linkDependencies();
  }

  /** Plants a mutant; the result takes it out again. @throws {MutantError} when it does not apply. */
  plant(mutant: Mutant): () => void {
    const path = join(this.directory, mutant.file);
    const source = readFileSync(path, 'utf8');
    writeFileSync(path, plant(source, mutant));
    return () => writeFileSync(path, source);
  }

  close(): void {
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 3 });
  }

  #linkDependencies(): void {
    const installed = join(PROJECT, 'node_modules');
    for (const name of packagesIn(installed)) {
      const place = join(this.directory, 'node_modules', name);
      mkdirSync(join(place, '..'), { recursive: true });
      const own = OWN[name];
      symlinkSync(own === undefined ? join(installed, name) : join(this.directory, own), place);
    }
  }
}

function packagesIn(installed: string): string[] {
  return readdirSync(installed).flatMap((name) =>
    name.startsWith('@')
      ? readdirSync(join(installed, name)).map((inner) => `${name}/${inner}`)
      : [name],
  );
}
