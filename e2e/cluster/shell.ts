import { type ChildProcess, spawn, spawnSync } from 'node:child_process';

interface Execution {
  /** Written to its standard input. */
  readonly input?: string;
  readonly timeoutMs?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Where true, a failure is returned, not thrown. */
  readonly mayFail?: boolean;
}

/** What a program said. */
export interface Output {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. @throws Error with its output where it fails or cannot be run. */
export function execute(program: string, args: readonly string[], how: Execution = {}): Output {
  const done = spawnSync(program, [...args], {
    encoding: 'utf8',
    input: how.input ?? '',
    timeout: how.timeoutMs ?? 120_000,
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, ...how.env },
  });
  if (done.error !== undefined && done.status === null && how.mayFail !== true) {
    throw new Error(`${program} ${args.join(' ')} could not be run: ${done.error.message}`);
  }
  const output = { status: done.status ?? -1, stdout: done.stdout, stderr: done.stderr };
  if (output.status === 0 || how.mayFail === true) return output;
  const command = `${program} ${args.join(' ')}`;
  throw new Error(`${command} ended with ${output.status}:\n${output.stdout}${output.stderr}`);
}

/** Starts a program that goes on; whoever starts it stops it. */
export function spawnProcess(program: string, args: readonly string[]): ChildProcess {
  return spawn(program, [...args], { stdio: ['ignore', 'pipe', 'pipe'] });
}
