/**
 * The front against bare Koa, in interleaved rounds of one run: medians and their ratio. The
 * server is pinned to one core and the load to the other where `taskset` exists.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const ROUNDS = 3;
const SECONDS = 3;
const ID = '018f2f2a-0000-7000-8000-000000000001';
const BODY =
  '{"name":"A product with a name of some length","price":"12.50","stock":3,"status":"live"}';
const KINDS = ['koa', 'lithair', 'unsampled', 'traced'] as const;
type Rates = Record<(typeof KINDS)[number], number[]>;

const none = (): Rates => ({ koa: [], lithair: [], unsampled: [], traced: [] });
const gets = none();
const posts = none();
for (let round = 0; round < ROUNDS; round++) {
  for (const kind of KINDS) {
    const { server, port } = await start(kind);
    const url = `http://127.0.0.1:${port}/api/products`;
    await load(['-d', '1', `${url}/${ID}`]);
    gets[kind].push(await load(['-d', String(SECONDS), `${url}/${ID}`]));
    const post = ['-m', 'POST', '-H', 'content-type=application/json', '-b', BODY];
    posts[kind].push(await load(['-d', String(SECONDS), ...post, url]));
    server.kill();
    await once(server, 'exit');
  }
}
report('GET by id', gets);
report('POST, in memory', posts);

async function start(kind: string): Promise<{ server: ChildProcess; port: number }> {
  const script = fileURLToPath(new URL('./server.ts', import.meta.url));
  const server = spawn('taskset', ['-c', '0', process.execPath, script, kind], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line]: unknown[] = await once(server.stdout, 'data');
  return { server, port: Number(String(line)) };
}

async function load(words: readonly string[]): Promise<number> {
  const client = spawn('taskset', ['-c', '1', 'autocannon', '-c', '64', '-j', ...words], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let text = '';
  client.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  await once(client, 'close');
  const result: { requests: { average: number }; non2xx: number } = JSON.parse(text);
  if (result.non2xx > 0) throw new Error(`${result.non2xx} requests failed`);
  return result.requests.average;
}

function against(rate = 0, other = 0): string {
  return `${rate.toFixed(0)}/s, ratio ${(rate / other).toFixed(2)}`;
}

function report(what: string, rates: Rates): void {
  const [koa, lithair, unsampled, traced] = KINDS.map((kind) => median(rates[kind]));
  console.log(`${what}: Koa ${koa?.toFixed(0)}/s; lithair ${against(lithair, koa)} of Koa`);
  console.log(`  traced model, not sampled: ${against(unsampled, lithair)} of lithair`);
  console.log(`  all requests recorded: ${against(traced, lithair)} of lithair`);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}
