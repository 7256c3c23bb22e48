import type { Engine, NodeHealth } from '../../ports/index.ts';
import { METRICS_CONTENT_TYPE, type Metrics } from '../../telemetry/index.ts';
import { DOCS_CONTENT_SECURITY_POLICY, DOCS_PAGE } from '../docs-page.ts';
import type { Reply } from '../exchange.ts';
import { PATCH_TYPES } from '../media-type.ts';
import { Problem } from '../problems.ts';
import { emptyReply, jsonReply, VARY } from '../reply.ts';
import type { SystemOperation } from './operation.ts';

const NO_STORE = ['Cache-Control', 'no-store'];

/** Answers what methods a route takes. */
export const options: SystemOperation = {
  kind: 'system',
  name: 'options',
  answer(exchange) {
    const { allow } = exchange;
    const patch = allow.includes('PATCH') ? ['Accept-Patch', PATCH_TYPES.join(', ')] : [];
    return emptyReply(204, ['Allow', allow, ...patch, 'Vary', VARY]);
  },
};

/** The OpenAPI document of the models that are in force. */
export const openapi: SystemOperation = {
  kind: 'system',
  name: 'openapi',
  asksWho: true,
  answer(exchange) {
    if (exchange.table === null) throw new Problem('unavailable', 'The models are not loaded yet.');
    const headers = ['Vary', VARY, 'Cache-Control', 'no-cache'];
    return jsonReply(200, headers, exchange.table.openapi(exchange.actor));
  },
};

/** A page for people that needs nothing from the network but the OpenAPI document. */
export const docs: SystemOperation = {
  kind: 'system',
  name: 'docs',
  answer: () => ({
    status: 200,
    headers: [
      'Content-Type',
      'text/html; charset=utf-8',
      'Cache-Control',
      'no-cache',
      'Content-Security-Policy',
      DOCS_CONTENT_SECURITY_POLICY,
      'X-Content-Type-Options',
      'nosniff',
    ],
    body: DOCS_PAGE,
  }),
};

/** Whether the process is worth keeping: 503 only once it failed. */
export function healthz(engine: Engine): SystemOperation {
  return {
    kind: 'system',
    name: 'healthz',
    answer: () => healthReply(engine.health, engine.health.phase !== 'failed'),
  };
}

/** Whether the node is caught up and serves. */
export function readyz(engine: Engine): SystemOperation {
  return {
    kind: 'system',
    name: 'readyz',
    answer: () => healthReply(engine.health, engine.health.phase === 'ready'),
  };
}

function healthReply(health: NodeHealth, isWell: boolean): Reply {
  const { phase, detail } = health;
  const headers = isWell ? [...NO_STORE] : [...NO_STORE, 'Retry-After', '1'];
  const body = JSON.stringify({ status: isWell ? 'ok' : 'unavailable', phase, detail });
  return jsonReply(isWell ? 200 : 503, headers, body);
}

/** The cluster as this node sees it. */
export function clusterStatus(engine: Engine): SystemOperation {
  return {
    kind: 'system',
    name: 'clusterStatus',
    answer() {
      const { health } = engine;
      const status = health.status();
      if (status === null) throw new Problem('unavailable', `${health.phase}: ${health.detail}`);
      return jsonReply(200, [...NO_STORE], JSON.stringify(status));
    },
  };
}

/** Everything that the rooms measure. */
export function metricsText(metrics: Metrics): SystemOperation {
  return {
    kind: 'system',
    name: 'metrics',
    async answer() {
      const headers = [...NO_STORE, 'Content-Type', METRICS_CONTENT_TYPE];
      return { status: 200, headers, body: await metrics.text() };
    },
  };
}
