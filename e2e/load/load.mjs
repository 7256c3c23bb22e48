// Runs inside the cluster: clients that write at a steady rate until /tmp/stop appears, then compare
// what was acknowledged with what is there. Arguments: URL of the collection, clients, writes/s.
// A write that was not acknowledged is sent again with the same Idempotency-Key until it is; what it
// was answered is counted, and told where it was a refusal.
//
// While all endpoints of a Service change at once, a connection to its address can leave the cluster
// and reach whoever answers there, a proxy for one; kept alive, it would stay there. Every refusal of
// a node is a problem (RFC 9457): any other one is somebody else's, and its connection is given up.
import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, unlinkSync } from 'node:fs';
import { Agent, request } from 'node:http';

const [url, clientCount, writesPerSecond] = process.argv.slice(2);
const REQUEST_TIMEOUT_MS = 2_000;
const intervalMs = (Number(clientCount) * 1_000) / Number(writesPerSecond);
const acknowledged = new Set();
const errors = {};
const phases = [{ name: 'start', acknowledged: 0, longestGapMs: 0 }];
let lastMs = performance.now();
const control = { stopping: false };

const say = (line) => console.log(JSON.stringify(line));
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function send(agent, method, target, body, headers = {}) {
  return new Promise((resolve, reject) => {
    const outgoing = request(target, { agent, method, headers }, (incoming) => {
      const { statusCode: status, headers } = incoming;
      incoming.on('error', reject);
      if (status >= 400 && headers['content-type'] !== 'application/problem+json') {
        reject(new Error(`status ${status} from outside of the cluster`));
        incoming.destroy();
        return;
      }
      let text = '';
      incoming.setEncoding('utf8');
      incoming.on('data', (part) => {
        text += part;
      });
      incoming.on('end', () => resolve({ status, text }));
    });
    const timer = setTimeout(() => outgoing.destroy(new Error('timeout')), REQUEST_TIMEOUT_MS);
    outgoing.on('close', () => clearTimeout(timer));
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

function count(name) {
  errors[name] = (errors[name] ?? 0) + 1;
}

function onAcknowledged(id) {
  const nowMs = performance.now();
  const phase = phases.at(-1);
  phase.longestGapMs = Math.max(phase.longestGapMs, Math.round(nowMs - lastMs));
  phase.acknowledged += 1;
  lastMs = nowMs;
  acknowledged.add(id);
}

async function writeOne(agent, key) {
  const body = JSON.stringify({ name: `load ${key}`, price: '12.50' });
  const headers = { 'content-type': 'application/json', 'idempotency-key': key };
  for (let attempt = 0; ; attempt += 1) {
    try {
      const answer = await send(agent, 'POST', url, body, headers);
      if (answer.status === 201) return onAcknowledged(JSON.parse(answer.text).id);
      count(`status ${answer.status}`);
      if (answer.status < 500 && answer.status !== 409 && answer.status !== 429) {
        say({ refused: answer.status, text: answer.text });
      }
    } catch (error) {
      count(error.code ?? error.message);
    }
    await sleep(Math.min(20 * 2 ** attempt, 200));
  }
}

async function client(number) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let nextMs = performance.now() + (intervalMs * number) / Number(clientCount);
  while (!control.stopping) {
    await sleep(Math.max(0, nextMs - performance.now()));
    // A late client does not catch up: the rate stays what it is.
    nextMs = Math.max(nextMs + intervalMs, performance.now());
    await writeOne(agent, randomUUID());
  }
  agent.destroy();
}

async function listAll() {
  const agent = new Agent({ keepAlive: true });
  const ids = [];
  let cursor = '';
  do {
    const answer = await send(agent, 'GET', `${url}?limit=1000&fields=id${cursor}`);
    if (answer.status !== 200) {
      count(`list ${answer.status}`);
      await sleep(200);
      continue;
    }
    const page = JSON.parse(answer.text);
    ids.push(...page.data.map((row) => row.id));
    cursor = page.page.next === null ? null : `&cursor=${encodeURIComponent(page.page.next)}`;
  } while (cursor !== null);
  agent.destroy();
  return ids;
}

const watcher = setInterval(() => {
  control.stopping = existsSync('/tmp/stop');
  for (const file of readdirSync('/tmp').filter((name) => name.startsWith('mark-'))) {
    unlinkSync(`/tmp/${file}`);
    phases.push({ name: file.slice(5), acknowledged: 0, longestGapMs: 0 });
  }
}, 50);
const progress = setInterval(() => say({ acknowledged: acknowledged.size, errors }), 1_000);

await Promise.all(Array.from({ length: Number(clientCount) }, (_, number) => client(number)));
clearInterval(watcher);
clearInterval(progress);
const there = await listAll();
const unique = new Set(there);
say({
  done: true,
  report: {
    acknowledged: acknowledged.size,
    lost: [...acknowledged].filter((id) => !unique.has(id)),
    duplicates: there.length - acknowledged.size,
    phases,
    errors,
  },
});
