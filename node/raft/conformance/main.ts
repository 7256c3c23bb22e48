/**
 * `npm run conformance -w etcd-raft-ts -- [--election-jitter EXPRESSION] [PATH...]`
 *
 * Runs data-driven files and ends in `N passed, N failed`. Without a path: those of
 * this package, and then, counted apart, those of the upstream Go module.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { DEFAULT_JITTER, parseJitter } from './jitter.ts';
import type { FileResult, Kind } from './runner.ts';
import { listFiles, OWN_SCRIPTS, runFile } from './runner.ts';
import { findUpstream, UPSTREAM_COUNTS, UPSTREAM_MODULE } from './upstream.ts';

const HELP = `Usage: npm run conformance -w etcd-raft-ts -- [--election-jitter EXPRESSION] [PATH...]

Runs every data-driven file among the given files and directories. Without a path: the scripts of this
package, and then the recorded conversations of the upstream Go module.

  --election-jitter EXPRESSION   of id, term, integers, + - * and parentheses; modulo electionTick it is
                                 the random part of the election timeout (${DEFAULT_JITTER})
  --help                         show this text`;

process.exitCode = main();

function main(): number {
  try {
    const { values, positionals } = parseArgs({
      options: {
        'election-jitter': { type: 'string', default: DEFAULT_JITTER },
        help: { type: 'boolean', default: false },
      },
      allowPositionals: true,
    });
    if (values.help) {
      console.log(HELP);
      return 0;
    }
    const jitter = parseJitter(values['election-jitter']);
    return positionals.length === 0 ? runStandard(jitter) : report(run(positionals, jitter));
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    console.error(text.replaceAll('\n', ' '));
    return 2;
  }
}

function run(paths: readonly string[], jitter: ReturnType<typeof parseJitter>): FileResult[] {
  return listFiles(paths.map(whereAsked)).map((path) => runFile(path, jitter));
}

/** npm runs scripts in the folder of the package; paths are meant from where it was called. */
function whereAsked(path: string): string {
  const called = resolve(process.env['INIT_CWD'] ?? '', path);
  return existsSync(called) ? called : path;
}

/** Ours come first: the last line is about the upstream files. */
function runStandard(jitter: ReturnType<typeof parseJitter>): number {
  console.log('scripts of this package:');
  const ours = report(run([OWN_SCRIPTS], jitter));
  console.log(`scripts of ${UPSTREAM_MODULE}:`);
  return Math.max(ours, runUpstream(jitter));
}

function runUpstream(jitter: ReturnType<typeof parseJitter>): number {
  const upstream = findUpstream();
  if (upstream.found) return report(run(upstream.directories, jitter), UPSTREAM_COUNTS);
  const required = process.env['LITHAIR_REQUIRE_GO'] === '1';
  console.log(`conformance ${required ? 'failed' : 'skipped'}: ${upstream.reason}`);
  return required ? 1 : 0;
}

function report(results: readonly FileResult[], counts?: Record<Kind, number>): number {
  for (const { path, failure } of results) {
    if (failure !== null) console.log(`FAILED ${path}\n${failure}\n`);
  }
  const failed = results.filter((result) => result.failure !== null).length;
  const missing = counts === undefined ? [] : missingKinds(results, counts);
  for (const text of missing) console.log(text);
  if (results.length === 0) console.log('there are no files to run');
  console.log(`${results.length - failed} passed, ${failed} failed`);
  return failed > 0 || missing.length > 0 || results.length === 0 ? 1 : 0;
}

function missingKinds(results: readonly FileResult[], counts: Record<Kind, number>): string[] {
  const kinds: readonly Kind[] = ['interaction', 'quorum', 'confchange'];
  return kinds.flatMap((kind) => {
    const found = results.filter((result) => result.kind === kind).length;
    return found === counts[kind] ? [] : [`${counts[kind]} ${kind} files expected, ${found} found`];
  });
}
