// One run of one test file in a copy of the project.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Workspace } from './workspace.ts';

/** What the tests of a file came to, up to the first failure. */
export interface TestReport {
  readonly passed: number;
  /** Name of the test that failed. */
  readonly failed: string | null;
  readonly message: string;
}

/** `broken`: the file could not be loaded, or its process ended without a word. */
export interface Trial {
  readonly verdict: 'passed' | 'failed' | 'stuck' | 'broken';
  /** Name of the test that failed, or what was printed last. */
  readonly told: string;
  readonly elapsedMs: number;
}

const MOST_OUTPUT = 5_000;

/** Runs a test file in a process group of its own, which is killed when it does not end. */
export function tryTests(workspace: Workspace, file: string, timeoutMs: number): Promise<Trial> {
  const startedMs = performance.now();
  return new Promise((resolve, reject) => {
    const runner = ['--import', './tools/property-seed.ts', 'tools/model-mutants/run-tests.ts'];
    const child = spawn(process.execPath, [...runner, file], {
      cwd: workspace.directory,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      env: { ...environment(), TMPDIR: workspace.temporary },
    });
    const output = { printed: '', report: '' };
    const [, , , reports] = child.stdio;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        output.printed = (output.printed + chunk.toString()).slice(-MOST_OUTPUT);
      });
    }
    reports?.on('data', (chunk: Buffer) => {
      output.report += chunk.toString();
    });
    let isStuck = false;
    const timer = setTimeout(() => {
      isStuck = true;
      endGroup(child.pid);
    }, timeoutMs);
    child.on('error', reject);
    child.on('exit', () => endGroup(child.pid));
    child.on('close', () => {
      clearTimeout(timer);
      const elapsedMs = performance.now() - startedMs;
      if (isStuck) resolve({ verdict: 'stuck', told: 'it did not end', elapsedMs });
      else resolve({ ...judge(file, output), elapsedMs });
    });
  });
}

/** Without what a test runner around this one tells its own children, and without its program. */
function environment(): NodeJS.ProcessEnv {
  const { NODE_TEST_CONTEXT: _, LITHAIR_PROGRAM: __, ...rest } = process.env;
  return rest;
}

/** What a test has started ends with it. */
function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // All of it has ended already.
  }
}

function judge(
  file: string,
  { printed, report }: { readonly printed: string; readonly report: string },
): Pick<Trial, 'verdict' | 'told'> {
  if (report === '') return { verdict: 'broken', told: printed };
  const { passed, failed, message }: TestReport = JSON.parse(report);
  if (failed === null) {
    return passed > 0
      ? { verdict: 'passed', told: '' }
      : { verdict: 'broken', told: 'no test ran' };
  }
  // A file that cannot be loaded fails as a test of its own name.
  const isLoaded = !failed.endsWith(join('/', file)) && failed !== file;
  return isLoaded ? { verdict: 'failed', told: failed } : { verdict: 'broken', told: message };
}
