// Runs test files in this process until the first test fails; says what came of them in one line
// of JSON on the third file descriptor, since tests may print what they like.
import { writeSync } from 'node:fs';
import { run } from 'node:test';
import type { TestReport } from './trial.ts';

const files = process.argv.slice(2);
let passed = 0;

for await (const event of run({ files, isolation: 'none' })) {
  if (event.type === 'test:pass' && event.data.details.type !== 'suite') passed += 1;
  if (event.type !== 'test:fail' || event.data.details.type === 'suite') continue;
  const { cause, message } = event.data.details.error;
  const told = cause instanceof Error ? cause.message : message;
  finish({ passed, failed: event.data.name, message: told.slice(0, 2000) });
}
finish({ passed, failed: null, message: '' });

function finish(report: TestReport): never {
  writeSync(3, `${JSON.stringify(report)}\n`);
  process.exit(report.failed === null && report.passed > 0 ? 0 : 1);
}
