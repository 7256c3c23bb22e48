import { threadedZstd } from './archive/index.ts';
import { MasterKeys } from './encryption/index.ts';
import { asNodeError, NodeError } from './exit.ts';
import { EXIT } from './exit-codes.ts';
import { readKeyFile, watchKeyFile } from './key-file.ts';
import { NodeFileSystem } from './log/index.ts';
import { LithairNode } from './node.ts';
import type { NodeOptions } from './options.ts';
import type { Logger } from './ports/index.ts';
import { secretsIn } from './secrets-directory.ts';
import {
  createLogger,
  defaultLogFormat,
  type LogLevel,
  LogSink,
  OtlpSink,
  otlpSettings,
  postTraces,
  serviceName,
  Tracer,
  TraceSettingsError,
  type TraceSink,
} from './telemetry/index.ts';
import { readTlsMaterial, requireMember } from './tls-files.ts';
import { systemClock, systemRandom } from './world.ts';

const FORCED_STOP_MS = 9_000;

/** A node that runs in this process. */
export interface RunningNode {
  /** Resolves to the exit code once the node has stopped, in order or by failure. */
  readonly ended: Promise<number>;
  /** Begins to stop; after nine seconds by force. */
  stop(): void;
}

/** The composition root: one node on the machine's own clock, disk, network and randomness. */
export function startNode(
  options: NodeOptions,
  version: string,
  onReady: (() => void) | undefined,
): RunningNode {
  const { promise: ended, resolve } = Promise.withResolvers<number>();
  let stopping = false;
  let stop = (): void => resolve(EXIT.ok);
  let stopWatching: (() => void) | null = null;
  const run = async (): Promise<void> => {
    const world = await worldOf(options, version);
    const node = new LithairNode(options, world, (error) => {
      if (error.exitCode === EXIT.again && !stopping) again(node);
      else resolve(end(error));
    });
    stop = () => {
      stopping = true;
      stopWatching?.();
      setTimeout(() => resolve(EXIT.ok), FORCED_STOP_MS).unref();
      node.stop().then(
        () => resolve(EXIT.ok),
        (error: unknown) => resolve(end(error)),
      );
    };
    await node.start();
    if (options.keysFile !== null) stopWatching = watchKeys(node, options.keysFile, world.logger);
    onReady?.();
  };
  // A start that stopping cuts short fails on what is closed already: that is no failure.
  const begin = (): void =>
    void run().catch((error: unknown) => (stopping ? undefined : resolve(end(error))));
  const again = (node: LithairNode): void => {
    stopWatching?.();
    node.stop().then(begin, (error: unknown) => resolve(end(error)));
  };
  begin();
  return { ended, stop: () => stop() };
}

async function worldOf(options: NodeOptions, version: string) {
  const logger = createLogger({
    level: logLevel(process.env['LITHAIR_LOG_LEVEL']),
    format: logFormat(process.env['LITHAIR_LOG']),
    fd: 1,
    base: { node: options.name },
  });
  const tls = await readTlsMaterial(options.peerTlsDir);
  requireMember(tls, options.name, options.peerTlsDir);
  return {
    fs: new NodeFileSystem(),
    clock: systemClock,
    random: systemRandom,
    logger,
    tls,
    version,
    compression: threadedZstd,
    readSecret: secretsIn(options.secretsDir),
    keys: options.keysFile === null ? null : new MasterKeys(await readKeyFile(options.keysFile)),
    tracer: new Tracer(systemClock, systemRandom, traceSink(options, version, logger)),
  };
}

/** To a collector where one is named, otherwise to the log. */
function traceSink(options: NodeOptions, version: string, logger: Logger): TraceSink {
  const settings = traceSettings(options);
  if (settings === null) return new LogSink(logger);
  const resource = {
    'service.name': serviceName(process.env, options.traces),
    'service.version': version,
    'service.instance.id': options.name,
    ...(options.region !== null && { 'cloud.region': options.region }),
  };
  logger.info({ endpoint: settings.url }, 'traces go to a collector');
  const post = postTraces(settings);
  return new OtlpSink({ post, clock: systemClock, logger, resource, version });
}

function traceSettings({ traces }: NodeOptions) {
  try {
    return otlpSettings(process.env, traces);
  } catch (error) {
    if (error instanceof TraceSettingsError) throw new NodeError(error.message);
    throw error;
  }
}

function watchKeys(node: LithairNode, file: string, logger: Logger): () => void {
  const warn = (reason: string): void =>
    logger.error({ reason }, 'the keys could not be read anew');
  return watchKeyFile(
    file,
    (keyring) => void node.changeKeys(keyring).catch((error: unknown) => warn(String(error))),
    warn,
  );
}

function logLevel(value: string | undefined): LogLevel {
  if (value === undefined || value === '') return 'info';
  if (value === 'debug' || value === 'info' || value === 'warn' || value === 'error') return value;
  throw new NodeError(`LITHAIR_LOG_LEVEL is debug, info, warn or error, not ${value}`);
}

function logFormat(value: string | undefined): 'pretty' | 'json' {
  if (value === undefined || value === '') return defaultLogFormat(process.stdout);
  if (value === 'pretty' || value === 'json') return value;
  throw new NodeError(`LITHAIR_LOG is pretty or json, not ${value}`);
}

/** Says in one line what ended the node; a bug keeps its stack. */
function end(error: unknown): number {
  const known = asNodeError(error);
  if (known === null) {
    process.stderr.write(`lithair: ${error instanceof Error ? error.stack : String(error)}\n`);
    return EXIT.failStop;
  }
  process.stderr.write(`lithair: ${known.message.replaceAll(/\s*\n\s*/g, ' ')}\n`);
  return known.exitCode;
}
