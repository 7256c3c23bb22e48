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
const WRITES = 600;
const BODY = Buffer.from(JSON.stringify({ text: 'x'.repeat(1_000_000) }));
/** What bodies may take, received and read, and what came of the garbage of those refused. */
const MOST_GROWTH_MB = 800;
/** Less than writes wait for a leader. */
const WITHOUT_LEADER_MS = 5_000;

interface Answer {
  readonly status: number;
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
    const answers: Answer[] = [];
    const writes = Array.from({ length: WRITES }, async () => {
      answers.push(await write(asked, agent));
    });
    await quiet(WITHOUT_LEADER_MS);
    const refused = answers.filter(({ status }) => status === 503);
    const growth = (await highestMegabytes(asked)) - before;
    t.diagnostic(
      `${WRITES} writes of 1 MB: ${refused.length} were refused, ${growth.toFixed(0)} MB more memory`,
    );
    assert.ok(refused.every(({ headers }) => headers['retry-after'] === '1'));
    assert.ok(refused.length >= WRITES / 2, `${refused.length} were refused at once`);
    assert.ok(growth < MOST_GROWTH_MB, `memory grew by ${growth.toFixed(0)} MB`);

    for (const { process } of [leader, other]) process.signal('SIGCONT');
    await Promise.all(writes);
    const done = answers.filter(({ status }) => status === 201).length;
    assert.ok(done > 0, 'some of those that were taken are done once there is a leader');
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

/** A POST; a connection that was closed in the middle of the body has status 0. */
function write(member: TestMember, agent: Agent): Promise<Answer> {
  const headers = { 'content-type': 'application/json', 'content-length': BODY.length };
  return new Promise((resolve) => {
    const sent = request(`${member.url}/api/texts`, { method: 'POST', agent, headers });
    const done = (status: number, found: IncomingHttpHeaders) =>
      resolve({ status, headers: found });
    sent.once('response', (response) => {
      response.resume();
      response.once('close', () => done(response.statusCode ?? 0, response.headers));
    });
    sent.on('error', () => done(0, {}));
    sent.end(BODY);
  });
}

function quiet(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** The most memory that the process ever had, MB. */
async function highestMegabytes({ process }: TestMember): Promise<number> {
  const status = await readFile(`/proc/${process.pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024;
}
