import { runSeed } from './run.ts';

const report = await runSeed(
  Number(process.argv[2] ?? 1),
  process.argv[3] ? { onLine: (line) => console.log(line) } : {},
);
const { end, ...rest } = report;
console.log(rest);
if (report.failure !== null) console.log(end.join('\n'));
