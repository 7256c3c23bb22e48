import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Mutant } from './mutant.ts';

const PACKAGE = join(import.meta.dirname, '..');
const COPIED = ['package.json', 'src', 'conformance', 'oracle', 'sim'];

/** A fault whose place in the source is gone, or is no longer the only one. */
export class MutantError extends Error {
  override readonly name = 'MutantError';
}

/**
 * The source with the fault planted.
 *
 * @throws {MutantError} unless the text to replace occurs exactly once.
 */
export function plant(source: string, mutant: Mutant): string {
  const parts = source.split(mutant.find);
  const [before, after] = parts;
  if (parts.length === 2 && before !== undefined && after !== undefined) {
    return before + mutant.replace + after;
  }
  const count = parts.length - 1;
  throw new MutantError(
    `the mutant "${mutant.name}" no longer applies: ` +
      `${mutant.file} holds ${JSON.stringify(mutant.find)} ${count} times, not once`,
  );
}

/** A copy of the package in a temporary directory, in which one fault at a time is planted. */
export class Workspace {
  readonly directory: string;

  constructor() {
    this.directory = mkdtempSync(join(tmpdir(), 'raft-mutants-'));
    for (const name of COPIED) {
      const source = join(PACKAGE, name);
      if (existsSync(source)) cpSync(source, join(this.directory, name), { recursive: true });
    }
    symlinkSync(nodeModules(), join(this.directory, 'node_modules'));
  }

  /** Plants a fault; the result takes it out again. @throws {MutantError} when it does not apply. */
  plant(mutant: Mutant): () => void {
    const path = join(this.directory, 'src', mutant.file);
    const source = readFileSync(path, 'utf8');
    writeFileSync(path, plant(source, mutant));
    return () => writeFileSync(path, source);
  }

  close(): void {
    rmSync(this.directory, { recursive: true });
  }
}

/** Where the package's development dependencies are installed. */
function nodeModules(): string {
  for (let at = PACKAGE; at !== dirname(at); at = dirname(at)) {
    const candidate = join(at, 'node_modules');
    if (existsSync(join(candidate, 'fast-check'))) return candidate;
  }
  throw new Error('the development dependencies are not installed');
}
