import pino from 'pino';
import { loadKubeConfig, ownNamespace } from './kubernetes/index.ts';
import { Operator } from './operator.ts';
import { type OperatorOptions, readOptions, USAGE } from './options.ts';

const options = readOrExit(process.argv.slice(2));
const logger = pino({
  base: null,
  level: options.logLevel,
  timestamp: pino.stdTimeFunctions.isoTime,
  formatters: { level: (label) => ({ level: label }) },
});

const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
process.once('SIGINT', () => stop.abort());

try {
  const operator = new Operator({
    options,
    config: loadKubeConfig(),
    namespace: options.namespace ?? ownNamespace() ?? 'default',
    logger,
  });
  const held = await operator.run(stop.signal);
  // Another one leads now: whatever this process still had in mind is void.
  if (!held) logger.error('the lease was lost');
  process.exit(held ? 0 : 1);
} catch (error) {
  logger.fatal({ err: error }, 'the operator cannot run');
  process.exit(1);
}

function readOrExit(args: readonly string[]): OperatorOptions {
  if (args.includes('--help')) {
    process.stdout.write(USAGE);
    process.exit(0);
  }
  try {
    return readOptions(args);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    process.exit(2);
  }
}
