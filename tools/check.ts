/** Everything that can be known without running the product; each step is named, all are run. */
import { spawnSync } from 'node:child_process';
import { checkBoundaries } from './boundaries.ts';
import { requireNode24 } from './node-version.ts';

requireNode24();

interface Step {
  readonly name: string;
  run(): readonly string[];
}

const STEPS: readonly Step[] = [
  command('types', 'tsc', '-p', 'tsconfig.json'),
  command('lint', 'oxlint', '--type-aware', '--deny-warnings'),
  { name: 'room boundaries', run: () => checkBoundaries(process.cwd()) },
  command('dead code', 'knip', '--no-progress'),
  command('formatting', 'biome', 'check', '.'),
  command('generated files', 'node', 'crds/src/generate.ts', '--check'),
  command('expected rejections', 'node', 'docs/examples/expected-rejections.ts', '--check'),
];

let failed = 0;
for (const step of STEPS) {
  const startedMs = performance.now();
  const problems = step.run();
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  console.log(`${problems.length === 0 ? ' ok ' : 'FAIL'} ${step.name} (${seconds} s)`);
  for (const problem of problems) console.log(problem);
  if (problems.length > 0) failed += 1;
}
console.log(`check: ${STEPS.length - failed} of ${STEPS.length} steps are in order`);
process.exit(failed === 0 ? 0 : 1);

function command(name: string, program: string, ...words: string[]): Step {
  return {
    name,
    run() {
      const done = spawnSync(program, words, { encoding: 'utf8', maxBuffer: 1 << 26 });
      if (done.status === 0) return [];
      return [`${done.stdout}${done.stderr}`.trim() || `${program} could not be run`];
    },
  };
}
