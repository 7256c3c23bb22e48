import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ServeCluster, type TestMember } from './serve-cluster.ts';
import { eventually } from './serve-process.ts';

const MODEL = `
apiVersion: lithair.dev/v1alpha1
kind: LithairModel
metadata: {name: texts}
spec:
  auth: {mode: open}
  models:
    - name: Text
      fields: [{name: id, type: uuid, primaryKey: true}, {name: text, type: string}]
`;
const WRITES = 300;
const LEAST_REFUSED = 150;
const PATIENCE_MS = 120_000;
const BODY = Buffer.from(JSON.stringify({ text: 'x'.repeat(1_000_000) }));
/** What bodies may take, received and read, and what came of the garbage of those refused. */
const MOST_GROWTH_MB = 600;
const MOST_PROBLEM_BYTES = 10_000;

interface Answer {
  readonly status: number;
  /** Of a problem. */
  readonly code: string | null;
  readonly headers: IncomingHttpHeaders;
}

test('a node without a leader refuses writes before they take up its memory, and goes on', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'lithair-pressure-'));
  await writeFile(join(directory, 'model.yaml'), MODEL);
  const cluster = await ServeCluster.start(join(directory, 'model.yaml'), 3);
  const agent = new Agent({ maxSockets: WRITES });
  try {
    const leader = await cluster.leader();
    const [asked, other] = cluster.members.filter((member) => member !== leader);
    assert.ok(asked && other);
    const before = await highestMegabytes(asked);
    for (const { process } of [leader, other]) process.signal('SIGSTOP');
    const refused: IncomingHttpHeaders[] = [];
    const writes = Array.from({ length: WRITES }, async () => {
      const { code, headers } = await write(asked, agent);
      if (code === 'overloaded') refused.push(headers);
    });
    const areRefused = () => Promise.resolve(refused.length >= LEAST_REFUSED ? true : null);
    await eventually('half of the writes to be refused', areRefused, PATIENCE_MS);
    const growth = (await highestMegabytes(asked)) - before;
    assert.ok(refused.every((headers) => headers['retry-after'] === '1'));
    t.diagnostic(`${WRITES} writes of 1 MB: ${growth.toFixed(0)} MB more memory`);
    assert.ok(growth < MOST_GROWTH_MB, `memory grew by ${growth.toFixed(0)} MB`);

    for (const { process } of [leader, other]) process.signal('SIGCONT');
    await Promise.all(writes);
    await eventually('writes to be taken again', async () => {
      return (await write(asked, agent)).status === 201 ? true : null;
    });
  } finally {
    agent.destroy();
    for (const { process } of cluster.members) process.signal('SIGCONT');
    await cluster.stop();
    await rm(directory, { recursive: true, force: true });
  }
});

/** A POST; of a connection that was closed in the middle of the body nothing is known. */
function write(member: TestMember, agent: Agent): Promise<Answer> {
  const headers = { 'content-type': 'application/json', 'content-length': BODY.length };
  return new Promise((resolve) => {
    const sent = request(`${member.url}/api/texts`, { method: 'POST', agent, headers });
    sent.once('response', (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => {
        // Of an answer that shows the row, the beginning is enough.
        if (text.length < MOST_PROBLEM_BYTES) text += chunk.toString('latin1');
      });
      const { statusCode: status = 0, headers: found } = response;
      response.once('close', () => {
        const code = /"code":"(\w+)"/.exec(text)?.[1] ?? null;
        resolve({ status, code, headers: found });
      });
    });
    sent.on('error', () => resolve({ status: 0, code: null, headers: {} }));
    sent.end(BODY);
  });
}

/** The most memory that the process ever had, MB. */
async function highestMegabytes({ process }: TestMember): Promise<number> {
  const status = await readFile(`/proc/${process.pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024;
}
