/**
 * `node oracle/record.ts FILE...`: puts under each directive of data-driven files what
 * the Go module answers; for scripts of ours, whose expectation is to be read
 * afterwards. Directives that the Go module stops on say so.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { findUpstream } from '../conformance/upstream.ts';
import { GoOracle } from './go-oracle.ts';

process.exitCode = record(process.argv.slice(2));

function record(paths: readonly string[]): number {
  const upstream = findUpstream();
  if (!upstream.found || paths.length === 0) {
    console.error(upstream.found ? 'which files?' : upstream.reason);
    return 2;
  }
  const oracle = new GoOracle(upstream);
  try {
    const texts = oracle.answerTexts(paths.map((path) => readFileSync(path, 'utf8')));
    for (const [at, path] of paths.entries()) writeFileSync(path, texts[at] ?? '');
    return 0;
  } finally {
    oracle.close();
  }
}
