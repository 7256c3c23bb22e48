/**
 * Baseline for durable writes: Koa, a joi schema, one file with group commit, and nothing else.
 * `node koa-post.ts PORT FILE`
 */
import { randomUUID } from 'node:crypto';
import { closeSync, fdatasync, openSync, write } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import joi from 'joi';
import Koa from 'koa';

const schema = joi.object({
  name: joi.string().min(1).max(200).required(),
  price: joi
    .string()
    .pattern(/^\d+(\.\d+)?$/)
    .required(),
  stock: joi.number().integer().min(0).required(),
  category: joi.string().max(50).required(),
  description: joi.string().max(2000),
});

const fd = openSync(process.argv[3] ?? '', 'w');
let waiting: { line: string; done: () => void }[] = [];
let syncing = false;

function commit(): void {
  if (syncing || waiting.length === 0) return;
  syncing = true;
  const batch = waiting;
  waiting = [];
  write(fd, Buffer.from(batch.map((item) => item.line).join('')), (writeError) => {
    if (writeError) throw writeError;
    fdatasync(fd, (syncError) => {
      if (syncError) throw syncError;
      for (const item of batch) item.done();
      syncing = false;
      commit();
    });
  });
}

function append(line: string): Promise<void> {
  return new Promise((resolve) => {
    waiting.push({ line, done: resolve });
    setImmediate(commit);
  });
}

function readBody(request: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    request.on('error', reject);
  });
}

const store = new Map<string, string>();
const app = new Koa().use(async (context) => {
  if (context.method !== 'POST') return;
  const { error, value } = schema.validate(JSON.parse(await readBody(context.req)));
  if (error !== undefined) context.throw(400, error.message);
  const id = randomUUID();
  const json = JSON.stringify({ id, ...value });
  await append(`${json}\n`);
  store.set(id, json);
  context.status = 201;
  context.type = 'application/json';
  context.body = json;
});
app.listen(Number(process.argv[2]), '127.0.0.1', () => console.log('ready'));
process.on('SIGTERM', () => {
  closeSync(fd);
  process.exit(0);
});
