import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';

/** What one load run measured. */
export interface LoadResult {
  readonly requestsPerSecond: number;
  readonly failed: number;
}

/** A request to repeat. */
export interface LoadRequest {
  readonly url: string;
  readonly method: 'GET' | 'POST';
  readonly body?: string;
  /** An API key to send. */
  readonly apiKey?: string;
}

/** Of one request, for clients of any kind. */
export function headersOf({ apiKey }: LoadRequest): Record<string, string> {
  const key = apiKey === undefined ? {} : { 'x-api-key': apiKey };
  return { 'content-type': 'application/json', ...key };
}

const AUTOCANNON = createRequire(import.meta.url).resolve('autocannon/autocannon.js');

/** Runs autocannon in its own process, pinned to a processor where one is named. */
export async function load(
  request: LoadRequest,
  connections: number,
  seconds: number,
  processor: number | null,
): Promise<LoadResult> {
  const body = request.body === undefined ? [] : ['-b', request.body];
  const words = ['--json', '-c', String(connections), '-d', String(seconds), '-m', request.method];
  const headers = Object.entries(headersOf(request)).flatMap((pair) => ['-H', pair.join('=')]);
  const pinned = processor === null ? [] : ['taskset', '-c', String(processor)];
  const all = [...pinned, process.execPath, AUTOCANNON, ...words, ...headers, ...body, request.url];
  const result: unknown = JSON.parse(await output(all));
  if (!isAutocannonResult(result)) throw new Error('autocannon printed something else');
  const failed = result.errors + result.timeouts + result.non2xx;
  return { requestsPerSecond: result.requests.average, failed };
}

interface AutocannonResult {
  readonly requests: { readonly average: number };
  readonly errors: number;
  readonly timeouts: number;
  readonly non2xx: number;
}

function isAutocannonResult(value: unknown): value is AutocannonResult {
  return typeof value === 'object' && value !== null && 'requests' in value && 'non2xx' in value;
}

/** What a program prints, once it has ended well. */
export function output(words: readonly string[]): Promise<string> {
  const [program = '', ...rest] = words;
  const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'ignore'] });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => {
      if (code === 0) resolve(Buffer.concat(chunks).toString('utf8'));
      else reject(new Error(`${program} ended with ${code}`));
    });
  });
}
