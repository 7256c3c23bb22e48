import { spawn } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import { join } from 'node:path';
import { findUpstream } from '../conformance/upstream.ts';

/** A part of the suite that may notice a fault. */
export interface Instrument {
  readonly name: string;
  /** Of node, in the copy of the package. */
  readonly arguments: readonly string[];
  /** How long it takes on the sound core, once that is known. */
  soundMs: number;
}

/** What an instrument says: `stuck` when it did not end in time, which is noticed as well. */
export type Verdict = 'passed' | 'failed' | 'stuck';

const OWN_SCRIPTS = 'conformance/testdata';
const UNKNOWN_MS = 60_000;
const MOST_OUTPUT = 20_000;

/** All instruments that can run here, the cheap ones first. */
export function listInstruments(directory: string, seeds: number): Instrument[] {
  const tests = globSync('src/**/*.test.ts', { cwd: directory }).sort();
  const unit = ['--test', '--test-isolation=none', '--test-reporter=dot', ...tests];
  const list: Instrument[] = [{ name: 'unit tests', arguments: unit, soundMs: UNKNOWN_MS }];
  if (existsSync(join(directory, OWN_SCRIPTS))) {
    list.push({
      name: 'own files',
      arguments: ['conformance/main.ts', OWN_SCRIPTS],
      soundMs: UNKNOWN_MS,
    });
  }
  const upstream = findUpstream();
  if (upstream.found) {
    const files = ['conformance/main.ts', ...upstream.directories];
    list.push({ name: 'upstream files', arguments: files, soundMs: UNKNOWN_MS });
  }
  const simulation = ['sim/main.ts', '--seeds', String(seeds), '--stop'];
  list.push({ name: 'raft-sim', arguments: simulation, soundMs: UNKNOWN_MS });
  return list;
}

/** The outcome of one instrument, with the end of what it printed. */
export interface Trial {
  readonly verdict: Verdict;
  readonly output: string;
}

/** Runs an instrument in a process of its own, which is killed when it does not end. */
export function tryInstrument(instrument: Instrument, directory: string): Promise<Trial> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, instrument.arguments, {
      cwd: directory,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NODE_OPTIONS: '--max-old-space-size=1024' },
    });
    let output = '';
    const keep = (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-MOST_OUTPUT);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    let stuck = false;
    const timer = setTimeout(() => {
      stuck = true;
      child.kill('SIGKILL');
    }, stuckAfterMs(instrument));
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(timer);
      if (stuck) resolve({ verdict: 'stuck', output });
      else resolve({ verdict: code === 0 ? 'passed' : 'failed', output });
    });
  });
}

/** Generous, so that a slow machine is not taken for a fault that was noticed. */
function stuckAfterMs({ soundMs }: Instrument): number {
  return 20_000 + 5 * soundMs;
}
