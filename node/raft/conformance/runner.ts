import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '../src/index.ts';
import { DirectiveError } from './arguments.ts';
import { confChangeDriver } from './confchange-driver.ts';
import type { TestCase } from './datadriven.ts';
import { parseFile } from './datadriven.ts';
import { describeDifference } from './difference.ts';
import { interactionDriver } from './interaction/commands.ts';
import { runQuorumCase } from './quorum-driver.ts';

/** The kinds of files, told apart by the commands they use. */
export type Kind = 'interaction' | 'quorum' | 'confchange';

/** What became of one file; `failure` is a text for people, null when it passed. */
export interface FileResult {
  readonly path: string;
  readonly kind: Kind | null;
  readonly failure: string | null;
}

/** The directory of the scripts that belong to this package. */
export const OWN_SCRIPTS = fileURLToPath(new URL('testdata', import.meta.url));

const QUORUM_COMMANDS: readonly string[] = ['committed', 'vote'];
const CONFCHANGE_COMMANDS: readonly string[] = ['simple', 'enter-joint', 'leave-joint'];

/** Hidden files, and what editors leave behind; upstream's runner leaves them out, too. */
const LEFT_OUT = /^[.#]|~$/;

/** Every regular file under the given files and directories, in order of path. */
export function listFiles(paths: readonly string[]): string[] {
  return paths.flatMap((path) => {
    if (!statSync(path).isDirectory()) return [path];
    const names = readdirSync(path).filter((name) => !LEFT_OUT.test(name));
    return listFiles(names.sort().map((name) => join(path, name)));
  });
}

/** Runs a file up to its first difference: what follows would only be its consequence. */
export function runFile(path: string, jitter: Config['randomElectionJitter']): FileResult {
  try {
    return { path, ...runText(readFileSync(path, 'utf8'), jitter) };
  } catch (error) {
    return { path, kind: null, failure: String(error) };
  }
}

/** The same for the text of a file. */
export function runText(
  text: string,
  jitter: Config['randomElectionJitter'],
): Omit<FileResult, 'path'> {
  let kind: Kind | null = null;
  try {
    const cases = parseFile(text);
    if (cases.length === 0) return { kind, failure: 'the file holds no directive' };
    kind = kindOf(cases);
    return { kind, failure: runCases(cases, driverOf(kind, jitter)) };
  } catch (error) {
    return { kind, failure: String(error) };
  }
}

function kindOf(cases: readonly TestCase[]): Kind {
  const all = (known: readonly string[]) => cases.every((test) => known.includes(test.command));
  if (all(QUORUM_COMMANDS)) return 'quorum';
  return all(CONFCHANGE_COMMANDS) ? 'confchange' : 'interaction';
}

function driverOf(kind: Kind, jitter: Config['randomElectionJitter']): (test: TestCase) => string {
  if (kind === 'quorum') return runQuorumCase;
  return kind === 'confchange' ? confChangeDriver() : interactionDriver(jitter);
}

/** Runs directives one after the other; what goes wrong first, as a text, or null. */
export function runCases(
  cases: readonly TestCase[],
  run: (test: TestCase) => string,
): string | null {
  for (const test of cases) {
    const where = `line ${test.line}: ${test.command}`;
    try {
      const output = run(test);
      const actual = output === '' || output.endsWith('\n') ? output : `${output}\n`;
      if (actual !== test.expected) return `${where}\n${describeDifference(test.expected, actual)}`;
    } catch (error) {
      return `${where}\n${describeError(error)}`;
    }
  }
  return null;
}

/** What is wrong in the file needs no stack; what is wrong in the core does. */
function describeError(error: unknown): string {
  if (!(error instanceof Error) || error instanceof DirectiveError) return String(error);
  return error.stack ?? error.message;
}
