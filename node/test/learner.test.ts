import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually, freePort, LithairProcess, lithair } from './serve-process.ts';

const MODEL = join(import.meta.dirname, 'notes.yaml');

interface Status {
  readonly role: string;
  readonly region: string;
  readonly ready: boolean;
  readonly members: readonly { name: string; role: string; address: string }[];
}

async function statusAt(opsPort: number | undefined): Promise<Status> {
  const response = await fetch(`http://127.0.0.1:${opsPort}/_cluster/status`);
  const status: Status = JSON.parse(await response.text());
  return status;
}

test('a learner that no list names joins a running cluster, stays a learner and says its region', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'lithair-learner-'));
  const ports = await Promise.all(Array.from({ length: 6 }, freePort));
  const [port, opsPort, peerPort] = ports;
  const founder = { name: 'a', port, opsPort, peerPort };
  const learner = { name: 'b', port: ports[3], opsPort: ports[4], peerPort: ports[5] };
  await lithair('certs', join(dir, 'certs'), '--name', 'a', '--name', 'b');
  const list = join(dir, 'members');
  await writeFile(list, `a=127.0.0.1:${peerPort}\n`);
  const start = (member: typeof founder, ...more: string[]): LithairProcess => {
    const { name } = member;
    const flags = {
      name,
      port: member.port,
      'ops-port': member.opsPort,
      'peer-port': member.peerPort,
      data: join(dir, name),
      'peer-tls': join(dir, 'certs', name),
      'initial-cluster': `@${list}`,
    };
    const words = Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, String(value)]);
    return new LithairProcess(['serve', MODEL, ...words, ...more]);
  };
  const first = start(founder);
  const address = `127.0.0.1:${learner.peerPort}`;
  const second = start(learner, '--address', address, '--role', 'learner', '--region', 'us-east');
  try {
    const status = await eventually('the learner to be ready', async () => {
      const body = await statusAt(learner.opsPort);
      return body.ready ? body : null;
    });
    assert.deepEqual([status.role, status.region], ['learner', 'us-east']);
    const answer = await fetch(`http://127.0.0.1:${learner.port}/api/notes`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ text: 'written through a learner', round: 1 }),
    });
    assert.equal(answer.status, 201, await answer.text());
    // Promotion comes by itself within moments where a vote is meant to come at all.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const { members } = await statusAt(founder.opsPort);
    assert.deepEqual(
      members.map((member) => [member.name, member.role, member.address]),
      [
        ['a', 'voter', `127.0.0.1:${peerPort}`],
        ['b', 'learner', address],
      ],
    );
  } finally {
    await Promise.all([first.kill('SIGKILL'), second.kill('SIGKILL')]);
    await rm(dir, { recursive: true, force: true });
  }
});
