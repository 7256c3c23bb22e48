import { type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ProgressLines } from './progress.ts';

const HERE = import.meta.dirname;
const REQUIREMENTS = join(HERE, 'requirements.txt');
const CACHE = join(HERE, '..', '..', 'node_modules', '.cache');
const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
  'negative_data_rejection',
  'positive_data_acceptance',
  'missing_required_header',
  'unsupported_method',
  'ignored_auth',
];

/** One run of the fuzzer. */
export interface Fuzzing {
  /** Origin of the node. */
  readonly url: string;
  readonly apiKey: string | null;
  readonly examples: number;
  readonly seed: number;
  /** How far it is, every half a minute. */
  readonly onProgress: (text: string) => void;
  /** Ends it early. */
  readonly signal: AbortSignal;
}

/** Schemathesis in a virtual environment of its own, installed on first use and kept. */
export class Fuzzer {
  readonly #program: string;

  /** @throws Error where Python is missing, or the packages cannot be installed */
  constructor(program = installed()) {
    this.#program = program;
  }

  /** Runs it to its end, or until the signal; resolves to its exit code and to what it said. */
  run(fuzzing: Fuzzing): Promise<{ code: number; output: string }> {
    const scratch = mkdtempSync(join(tmpdir(), 'lithair-fuzzer-'));
    // The configuration names it by a path from where the program runs.
    copyFileSync(join(HERE, 'hooks.py'), join(scratch, 'hooks.py'));
    const child = spawn(this.#program, wordsOf(fuzzing), {
      cwd: scratch,
      env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const end = (): void => void child.kill('SIGTERM');
    if (fuzzing.signal.aborted) end();
    fuzzing.signal.addEventListener('abort', end);
    return new Promise<{ code: number; output: string }>((resolve, reject) => {
      let report = '';
      const lines = new ProgressLines(fuzzing.onProgress);
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        report += text;
      });
      child.stderr.setEncoding('utf8').on('data', (text: string) => lines.take(text));
      child.once('error', reject);
      child.once('close', (code) => resolve({ code: code ?? -1, output: report + lines.others() }));
    }).finally(() => {
      fuzzing.signal.removeEventListener('abort', end);
      rmSync(scratch, { recursive: true, force: true });
    });
  }
}

/** Where it is, installed where it is not there yet. */
function installed(): string {
  const hash = createHash('sha256').update(readFileSync(REQUIREMENTS)).digest('hex').slice(0, 12);
  const place = join(CACHE, `fuzz-api-${hash}`);
  if (!existsSync(join(place, 'complete'))) install(place);
  return join(place, 'bin', 'schemathesis');
}

function wordsOf({ url, apiKey, examples, seed }: Fuzzing): string[] {
  return [
    '--config-file',
    join(HERE, 'schemathesis.toml'),
    'run',
    `${url}/openapi.json`,
    '--no-color',
    '--continue-on-failure',
    '--phases=examples,coverage,fuzzing',
    `--checks=${CHECKS.join(',')}`,
    `--max-examples=${examples}`,
    `--seed=${seed}`,
    '--generation-database=none',
    '--request-timeout=60',
    '--suppress-health-check=all',
    ...(apiKey === null ? [] : ['--header', `X-API-Key: ${apiKey}`]),
  ];
}

function install(place: string): void {
  console.log('fuzz-api: installing Schemathesis');
  rmSync(place, { recursive: true, force: true });
  must(run('python3', ['-m', 'venv', place]), 'python3 with venv is needed');
  const pip = join(place, 'bin', 'pip');
  const how = ['install', '--quiet', '--disable-pip-version-check', '--requirement', REQUIREMENTS];
  must(run(pip, how), 'the packages of requirements.txt could not be installed');
  // Written last: what is there without it was interrupted.
  writeFileSync(join(place, 'complete'), '');
}

function run(program: string, words: string[]): SpawnSyncReturns<string> {
  return spawnSync(program, words, { encoding: 'utf8', timeout: 600_000 });
}

function must(done: SpawnSyncReturns<string>, what: string): void {
  if (done.status === 0) return;
  throw new Error(`${what}: ${done.error?.message ?? (done.stderr + done.stdout).trim()}`);
}
