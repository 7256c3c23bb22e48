import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { readModel } from './cli/model-file.ts';
import { authority, materialOf } from './consensus/testing/certificates.ts';
import { MemoryFileSystem, openDataDirectory } from './log/index.ts';
import { AdminClient } from './membership/index.ts';
import { LithairNode, type NodeWorld } from './node.ts';
import { LogSink, Tracer } from './telemetry/index.ts';
import { freePort } from './test/serve-process.ts';
import { systemClock, systemRandom } from './world.ts';

const logger = { debug() {}, info() {}, warn() {}, error() {} };
const MODEL = join(import.meta.dirname, 'test', 'notes.yaml');

test('a node whose disk knows its cluster never says that it waits for one, and stops as it restores', async () => {
  const world = await worldOf('n2');
  const recovery = Promise.withResolvers<void>();
  const list = world.fs.list.bind(world.fs);
  world.fs.list = (path) => recovery.promise.then(() => list(path));
  const port = await freePort();
  const node = new LithairNode(await optionsOf('n2', port), world, assert.fail);
  const started = node.start();
  const ended = assert.rejects(started, { exitCode: 0 });

  const address = `127.0.0.1:${port}`;
  const client = new AdminClient({ address, material: world.tls, member: 'n2' });
  await assert.rejects(untilAnswered(client), { status: 503, code: 'unavailable' });

  const stopped = node.stop();
  recovery.resolve();
  await Promise.all([stopped, ended]);
});

/** A world whose disk belongs to member 2 of a cluster that exists. */
async function worldOf(name: string): Promise<NodeWorld & { readonly fs: MemoryFileSystem }> {
  const fs = new MemoryFileSystem();
  const parts = { fs, clock: systemClock, random: systemRandom, logger };
  const directory = await openDataDirectory({ dir: '/data', ...parts });
  await directory.writeIdentity({ name, diskUuid: 'disk', clusterId: 'cluster-1', memberId: 2 });
  await directory.close();
  const tls = await materialOf(await authority(), 'member', name);
  const tracer = new Tracer(systemClock, systemRandom, new LogSink(logger));
  return { ...parts, tracer, tls, version: '0.0.0' };
}

async function optionsOf(name: string, peerPort: number) {
  const read = await readModel(MODEL);
  assert.ok(read.ok);
  const address = `127.0.0.1:${peerPort}`;
  return {
    name,
    host: '127.0.0.1',
    port: 0,
    opsPort: 0,
    peerHost: '127.0.0.1',
    peerPort,
    dataDir: '/data',
    peerTlsDir: '',
    spec: read.model.spec,
    managed: true,
    freeSpaceReserveBytes: null,
    role: 'voter' as const,
    region: null,
    applyVersion: null,
    keysFile: null,
    clusterDir: null,
    secretsDir: null,
    traces: { endpoint: null, serviceName: null },
    initialCluster: [
      { name: 'n1', address: '127.0.0.1:1' },
      { name, address },
    ],
  };
}

/** The first answer of a node whose ports are about to open. */
async function untilAnswered(client: AdminClient): Promise<unknown> {
  for (;;) {
    try {
      return await client.status();
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'AdminUnreachableError') throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}
