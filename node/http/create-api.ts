import type { IncomingMessage, ServerResponse } from 'node:http';
import Koa from 'koa';
import { ANONYMOUS } from '../auth/index.ts';
import { FieldVault } from '../encryption/index.ts';
import type { Engine, HistoryReader, StateReader } from '../ports/index.ts';
import { API_LIMITS, type Api, type ApiOptions, type Listener } from './api.ts';
import { BodyReceiver } from './body.ts';
import { Freshness } from './freshness.ts';
import { clusterStatus, docs, healthz, metricsText, openapi, readyz } from './operations/system.ts';
import { createPipeline, type Handle, type PipelineParts } from './pipeline.ts';
import { Problem } from './problems.ts';
import { inTime } from './read-ahead.ts';
import { type RouteTable, RouteTables } from './route-table.ts';
import { type SystemRoutes, systemRoutes } from './router.ts';
import { TokenIssuer } from './token.ts';

/** Composes the pipeline for both ports. Nothing listens yet: give the listeners to servers. */
export function createApi(options: ApiOptions): Api {
  const { engine, metrics } = options;
  const api = partsOf(
    options,
    systemRoutes({
      '/openapi.json': openapi,
      '/docs': docs,
      '/healthz': healthz(engine),
      '/readyz': readyz(engine),
    }),
  );
  const ops = { ...api, system: opsRoutes(engine, metrics), tables: NO_TABLES };
  return {
    apiListener: koaListener(createPipeline(api)),
    opsListener: koaListener(createPipeline(ops)),
  };
}

function opsRoutes(engine: Engine, metrics: ApiOptions['metrics']): SystemRoutes {
  return systemRoutes({
    '/metrics': metricsText(metrics),
    '/_cluster/status': clusterStatus(engine),
    '/healthz': healthz(engine),
    '/readyz': readyz(engine),
  });
}

/** A schema without a key has no encrypted field; with one, nothing is answered. */
const NO_FIELD_KEYS = new FieldVault(null, { fill: (target) => target, fraction: () => 0 });

/** The ops port serves no model. */
const NO_MODELS: RouteTable = {
  schemaVersion: 0,
  fingerprint: '',
  byPath: new Map(),
  authenticate: () => ANONYMOUS,
  narrow: (route) => route,
  related: () => undefined,
  routeOf: () => undefined,
  openapi: () => '{}',
};
const NO_TABLES = { of: () => NO_MODELS };

function partsOf(options: ApiOptions, system: SystemRoutes): PipelineParts {
  const limits = { ...API_LIMITS, ...options.limits };
  const patience = { clock: options.clock, timeoutMs: limits.engineTimeoutMs };
  return {
    system,
    limits,
    admit: options.admit,
    engine: options.engine,
    clock: options.clock,
    logger: options.logger,
    requests: options.metrics.requests,
    tracer: options.tracer,
    tables: new RouteTables({
      limits,
      version: options.version,
      auth: options,
      fieldKeys: options.fieldKeys ?? NO_FIELD_KEYS,
      nowMs: () => Math.max(options.engine.state()?.logTimeMs ?? 0, options.clock.nowMs()),
    }),
    bodies: new BodyReceiver(limits.bufferedBytes),
    freshness: new Freshness(limits.engineTimeoutMs),
    context: {
      defer: options.defer ?? setImmediate,
      awaitDisk: (reading) => inTime(reading, 'rows', patience),
      tokens: new TokenIssuer(),
      state: () => presentState(options.engine),
      history: () => presentHistory(options.engine),
    },
  };
}

function presentState(engine: Engine): StateReader {
  const state = engine.state();
  if (state !== null) return state;
  throw new Problem('unavailable', `${engine.health.phase}: ${engine.health.detail}`);
}

function presentHistory(engine: Engine): HistoryReader {
  const history = engine.history();
  if (history !== null) return history;
  throw new Problem('unavailable', `${engine.health.phase}: ${engine.health.detail}`);
}

/** Koa as an adapter: it hands the raw request over and stays out of the answer. */
function koaListener(handle: Handle): Listener {
  const app = new Koa();
  app.use((ctx) => {
    ctx.respond = false;
    return handle(ctx.req, ctx.res);
  });
  const callback = app.callback();
  return (req: IncomingMessage, res: ServerResponse) => void callback(req, res);
}
