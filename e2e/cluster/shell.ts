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

const longPrograms = new Set<ChildProcess>();

/**
 * Runs a program that takes a while, and lets signals through meanwhile.
 *
 * @throws Error with its output where it fails or takes longer than `timeoutMs`.
 */
export async function executeLong(
  program: string,
  args: readonly string[],
  timeoutMs: number,
): Promise<void> {
  const child = spawnProcess(program, args);
  longPrograms.add(child);
  let output = '';
  const onData = (chunk: Buffer): void => {
    output += chunk.toString('utf8');
  };
  child.stdout?.on('data', onData);
  child.stderr?.on('data', onData);
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  try {
    const status = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => resolve(code));
    });
    if (status !== 0)
      throw new Error(`${program} ${args.join(' ')} ended with ${status}:\n${output}`);
  } finally {
    clearTimeout(timer);
    longPrograms.delete(child);
  }
}

/** Ends what `executeLong` still runs. */
export function stopLongPrograms(): void {
  for (const child of longPrograms) child.kill('SIGKILL');
}
