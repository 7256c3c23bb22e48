import type { SpawnSyncReturns } from 'node:child_process';
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Upstream } from '../conformance/upstream.ts';
import { HangError, OracleError } from './errors.ts';
import type { Script } from './script.ts';
import { renderScript } from './script.ts';

/** One place in a source file of the Go module, and what stands there instead. */
interface Change {
  readonly path: string;
  readonly old: string;
  readonly replacement: string;
}

const CHANGES: readonly Change[] = [
  // Election timeouts are a function of id and term.
  {
    path: 'raft.go',
    old: 'globalRand.Intn(r.electionTimeout)',
    replacement: 'int((r.id*7+r.Term*13)%uint64(r.electionTimeout))',
  },
  // A stabilize that never ends panics.
  {
    path: 'rafttest/interaction_env_handler_stabilize.go',
    old: 'for {\n\t\tdone := true',
    replacement:
      'for round := 0; ; round++ {\n\t\tif round > 2000 {\n\t\t\tpanic("endless")\n\t\t}\n\t\tdone := true',
  },
  // Where ours deviates on purpose: a single voter, whose commit index may not have been
  // durable before a restart, answers no read before the first commit of its term; and a
  // leader that is no voter any more does not decide alone.
  {
    path: 'raft.go',
    old: 'if r.trk.IsSingleton() {',
    replacement: 'if r.decidesAlone() && r.committedEntryInCurrentTerm() {',
  },
  {
    path: 'raft.go',
    old: '\tswitch r.readOnly.option {\n\t// If more',
    replacement:
      '\tif r.decidesAlone() {\n\t\tr.answerRead(m)\n\t\treturn\n\t}\n\tswitch r.readOnly.option {\n\t// If more',
  },
];

/** The election jitter of the Go module as it is built here. */
export const ORACLE_JITTER = 'id*7+term*13';

const BUILD_TIMEOUT_MS = 10 * 60_000;
const RUN_TIMEOUT_MS = 60_000;

/**
 * The Go module's interaction environment as a program: a copy of the module in a
 * temporary directory, with a few changes, and with what `overlay` adds: the directives
 * that are ours.
 * (The go command accepts no overlay for files of its module cache.)
 */
export class GoOracle {
  readonly #directory: string;
  readonly #runTimeoutMs: number;

  /**
   * @param runTimeoutMs the time for all scripts that are given to it at once.
   * @throws {OracleError} when it cannot be built.
   */
  constructor(upstream: Extract<Upstream, { found: true }>, runTimeoutMs = RUN_TIMEOUT_MS) {
    this.#runTimeoutMs = runTimeoutMs;
    this.#directory = mkdtempSync(join(tmpdir(), 'raft-oracle-'));
    try {
      this.#build(upstream.go, upstream.root);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  #build(go: string, root: string): void {
    const module = join(this.#directory, 'module');
    for (const path of sourcesOf(root)) {
      mkdirSync(dirname(join(module, path)), { recursive: true });
      writeFileSync(join(module, path), readFileSync(join(root, path)));
    }
    for (const { path, old, replacement } of CHANGES) {
      replaceOnce(join(module, path), old, replacement);
    }
    cpSync(new URL('overlay', import.meta.url), module, { recursive: true });
    // Without the path of the copy in it, the build is taken from the cache the next time.
    const words = ['test', '-c', '-trimpath', '-o', this.#program, './oracle'];
    const built = spawnSync(go, words, {
      cwd: module,
      encoding: 'utf8',
      timeout: BUILD_TIMEOUT_MS,
    });
    requireSuccess('go test -c', built);
  }

  get #program(): string {
    return join(this.#directory, 'oracle.test');
  }

  /**
   * Each script as a data-driven file with what the Go module answers, in order.
   *
   * @throws {OracleError} when the program fails.
   * @throws {HangError} when it does not end in time.
   */
  answer(scripts: readonly Script[]): string[] {
    return this.answerTexts(scripts.map(renderScript));
  }

  /** The same for data-driven files, comments included; what they expect is replaced. */
  answerTexts(texts: readonly string[]): string[] {
    const directory = mkdtempSync(join(this.#directory, 'scripts-'));
    try {
      const paths = texts.map((text, at) => {
        const path = join(directory, `${String(at).padStart(6, '0')}.txt`);
        writeFileSync(path, text);
        return path;
      });
      this.#rewrite(directory);
      return paths.map((path) => readFileSync(path, 'utf8'));
    } finally {
      rmSync(directory, { recursive: true });
    }
  }

  #rewrite(directory: string): void {
    const run = spawnSync(this.#program, ['-rewrite'], {
      cwd: this.#directory,
      encoding: 'utf8',
      env: { ...process.env, ORACLE_SCRIPTS: directory },
      maxBuffer: 1 << 28,
      timeout: this.#runTimeoutMs,
    });
    if (run.error !== undefined) throw new HangError(currentScript(directory), this.#runTimeoutMs);
    requireSuccess('the Go module', run);
  }

  /** Removes the temporary directory. */
  close(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** The number of the script that was being run last; 0 when none was begun. */
function currentScript(directory: string): number {
  const path = join(directory, 'current');
  return existsSync(path) ? Number.parseInt(readFileSync(path, 'utf8'), 10) : 0;
}

/** The module's files without its own tests, relative to its root. */
function sourcesOf(root: string): string[] {
  const paths = readdirSync(root, { recursive: true, encoding: 'utf8' });
  return paths.filter((path) => /(\.go|^go\.(mod|sum))$/.test(path) && !path.endsWith('_test.go'));
}

function replaceOnce(path: string, old: string, replacement: string): void {
  const parts = readFileSync(path, 'utf8').split(old);
  if (parts.length !== 2) throw new OracleError(`${path} should contain "${old}" once`);
  writeFileSync(path, parts.join(replacement));
}

function requireSuccess(what: string, result: SpawnSyncReturns<string>): void {
  if (result.status === 0) return;
  const detail = result.error?.message ?? `${result.stdout}${result.stderr}`.trim().slice(-2000);
  throw new OracleError(`${what} failed: ${detail}`);
}
