import { join } from 'node:path';
import { bundle, NODE_ENVIRONMENT, NODE_FLAGS, PROGRAMS } from '../../images/bundle.ts';
import { type BenchServer, startServer } from './processes.ts';
import { productBody } from './product.ts';

const ROOT = join(import.meta.dirname, '..', '..');
/** What the benchmarks serve. */
export const MODEL = join(import.meta.dirname, 'model.yaml');

let program = '';

/** Builds what is measured: the bundle that goes into the image, not the sources. */
export async function buildProgram(directory: string): Promise<void> {
  const [node] = PROGRAMS;
  if (node === undefined) throw new Error('there is no program to build');
  await bundle(ROOT, node, directory);
  program = join(directory, 'app', node.output);
}

/** The program that {@link buildProgram} built. */
export function programPath(): string {
  return program;
}

/** Starts `lithair serve` on a model. */
export function startLithair(
  dataDir: string,
  port: number,
  processor: number | null,
  nodes = 1,
  model = MODEL,
): Promise<BenchServer> {
  const words = [...NODE_FLAGS, program, 'serve', model, '--port', String(port), '--data', dataDir];
  if (nodes > 1) words.push('--nodes', String(nodes));
  return startServer(
    'lithair',
    words,
    `http://127.0.0.1:${port}/readyz`,
    processor,
    NODE_ENVIRONMENT,
  );
}

/** Creates one product and returns its URL. */
export async function createProduct(base: string, n: number): Promise<string> {
  const response = await fetch(`${base}/api/products`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: productBody(n),
  });
  const location = response.headers.get('location');
  await response.arrayBuffer();
  if (location === null) throw new Error(`creating a product answered ${response.status}`);
  return new URL(location, base).href;
}

/** Creates products by bulk requests until there are `count`. */
export async function fill(base: string, count: number): Promise<void> {
  for (let n = 0; n < count; n += 500) {
    const bodies = Array.from({ length: Math.min(500, count - n) }, (_, i) => productBody(n + i));
    const response = await fetch(`${base}/api/products/_bulk`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: `[${bodies.join(',')}]`,
    });
    await response.arrayBuffer();
    if (response.status !== 201) throw new Error(`bulk answered ${response.status}`);
  }
}
