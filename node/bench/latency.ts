import { Agent, request as httpRequest } from 'node:http';
import { quantile } from './figures.ts';
import { headersOf, type LoadRequest } from './load.ts';

/** Latency in milliseconds. */
export interface LatencyResult {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** {@link latencies}, in short. */
export async function latency(
  request: LoadRequest,
  connections: number,
  requests: number,
): Promise<LatencyResult> {
  const samples = await latencies(request, connections, requests);
  return { p50Ms: quantile(samples, 0.5), p99Ms: quantile(samples, 0.99) };
}

/** Closed loop over keep-alive connections in this process: milliseconds of each request. */
export async function latencies(
  request: LoadRequest,
  connections: number,
  requests: number,
): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const samples: number[] = [];
  const each = Math.ceil(requests / connections);
  const loop = async (): Promise<void> => {
    for (let i = 0; i < each; i += 1) {
      const startedMs = performance.now();
      await once(agent, request);
      samples.push(performance.now() - startedMs);
    }
  };
  await Promise.all(Array.from({ length: connections }, loop));
  agent.destroy();
  return samples;
}

function once(agent: Agent, request: LoadRequest): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = headersOf(request);
    const sent = httpRequest(
      request.url,
      { agent, method: request.method, headers },
      (response) => {
        response.resume();
        response.on('end', () => {
          if ((response.statusCode ?? 500) < 300) resolve();
          else reject(new Error(`answered ${response.statusCode}`));
        });
      },
    );
    sent.on('error', reject);
    sent.end(request.body);
  });
}
