import { spawn } from 'node:child_process';

/** How a command ended; code null: it took too long. */
export interface CommandEnd {
  readonly code: number | null;
  readonly output: string;
}

/** Runs `lithair WORDS…`, at most so long. */
export function lithair(
  program: string,
  words: readonly string[],
  timeoutMs: number,
): Promise<CommandEnd> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [program, ...words], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    let output = '';
    const keep = (chunk: Buffer): void => {
      output = (output + chunk.toString('utf8')).slice(-16_384);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code, output: output.trim() });
    });
  });
}
