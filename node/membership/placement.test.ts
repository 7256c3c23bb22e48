import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualWorld } from '../consensus/testing/virtual-world.ts';
import type { NodeIdentity } from '../log/index.ts';
import {
  AdminRefusedError,
  ForeignClusterError,
  findPlace,
  type InitialPeer,
  type Placement,
  type PlacementDependencies,
} from './index.ts';

/** `waiting`, `unreachable`, `refused`, or the id of the cluster that it belongs to. */
type Answer = string;

/** A node with a disk, and what the others would answer it. */
class Candidate {
  readonly world = new VirtualWorld(1);
  readonly written: NodeIdentity[] = [];
  readonly details: string[] = [];
  readonly asked: string[] = [];
  identity: NodeIdentity | null = null;
  known: { readonly id: string; readonly bootstrapped: boolean } | null = null;
  role: 'voter' | 'learner' = 'voter';
  readonly answers = new Map<string, Answer>();
  readonly #name: string;
  readonly #names: readonly string[];

  constructor(name: string, names: readonly string[]) {
    this.#name = name;
    this.#names = names;
  }

  find(): Promise<Placement> {
    let uuids = 0;
    const deps: PlacementDependencies = {
      name: this.#name,
      region: null,
      applyVersions: { oldest: 1, latest: 2 },
      initialCluster: this.#names.map((name) => ({ name, address: `${name}:1` })),
      identity: this.identity,
      writeIdentity: async (identity) => void this.written.push(identity),
      newUuid: () => `uuid-${++uuids}`,
      knownCluster: () => Promise.resolve(this.known),
      peer: ({ name }) => this.#peer(name),
      role: this.role,
      clock: this.world.clock,
      logger: this.world.logger(this.#name),
      onWaiting: (detail) => void this.details.push(detail),
    };
    return findPlace(deps);
  }

  #peer(name: string): InitialPeer {
    const answer = (): Answer => this.answers.get(name) ?? 'unreachable';
    return {
      status: () => {
        if (answer() === 'unreachable') return Promise.reject(new Error('ECONNREFUSED'));
        if (answer() === 'waiting') return Promise.resolve({ waiting: true, name, version: '0' });
        const clusterId = answer() === 'refused' ? 'cluster-1' : answer();
        return Promise.resolve({ ...STATUS, clusterId });
      },
      addMember: ({ diskUuid, role }) => {
        this.asked.push(`${name} ${diskUuid}${role === 'learner' ? ' learner' : ''}`);
        if (answer() === 'refused') {
          return Promise.reject(new AdminRefusedError(409, 'name_taken', 'another disk', null));
        }
        return Promise.resolve({ clusterId: answer(), epoch: 1, memberId: 3 });
      },
    };
  }
}

const STATUS = {
  clusterId: '',
  epoch: 1,
  memberId: 1,
  name: 'a',
  role: 'leader',
  leader: 1,
  term: 1,
  commit: 1,
  applied: 1,
  applyVersion: 1,
  schemaVersion: 1,
  schemaFingerprint: '',
  ready: true,
  version: '0',
  members: [],
} as const;

test('a single node founds its cluster at once', async () => {
  const node = new Candidate('a', ['a']);
  const place = await node.world.settled(node.find());
  assert.deepEqual(place, {
    clusterId: 'uuid-2',
    memberId: 1,
    diskUuid: 'uuid-1',
    address: 'a:1',
    founder: true,
  });
  assert.deepEqual(
    node.written.map(({ clusterId, diskUuid }) => [clusterId, diskUuid]),
    [
      [null, 'uuid-1'],
      ['uuid-2', 'uuid-1'],
    ],
  );
});

test('the first member founds the cluster only when all others say that they hold none', async () => {
  const node = new Candidate('a', ['a', 'b', 'c']);
  node.known = { id: 'cluster-1', bootstrapped: false };
  node.answers.set('b', 'waiting');
  const found = node.find();
  await node.world.run(5000);
  assert.match(node.details.at(-1) ?? '', /c does not answer/);
  assert.equal(node.written.length, 1);
  node.answers.set('c', 'waiting');
  const place = await node.world.settled(found);
  assert.deepEqual([place.clusterId, place.founder], ['cluster-1', true]);
});

test('the first member never founds a cluster that somebody knows to exist', async () => {
  const node = new Candidate('a', ['a', 'b']);
  node.known = { id: 'cluster-1', bootstrapped: true };
  node.answers.set('b', 'waiting');
  const found = node.find();
  await node.world.run(10_000);
  assert.match(node.details.at(-1) ?? '', /exists already/);
  assert.equal(node.written.length, 1);
  node.answers.set('b', 'cluster-1');
  assert.equal((await node.world.settled(found)).memberId, 3);
});

test('another member never founds a cluster, and joins where one is known', async () => {
  const node = new Candidate('b', ['a', 'b']);
  node.answers.set('a', 'waiting');
  const found = node.find();
  await node.world.run(10_000);
  assert.equal(node.written.length, 1);
  node.answers.set('a', 'cluster-1');
  const place = await node.world.settled(found);
  assert.deepEqual([place.clusterId, place.memberId, place.founder], ['cluster-1', 3, false]);
  assert.deepEqual(node.asked, ['a uuid-1']);
});

test('a learner founds no cluster, not even as the first one, and asks to stay a learner', async () => {
  const node = new Candidate('a', ['a', 'b']);
  node.role = 'learner';
  node.answers.set('b', 'waiting');
  const found = node.find();
  await node.world.run(10_000);
  assert.equal(node.written.length, 1);
  node.answers.set('b', 'cluster-1');
  await node.world.settled(found);
  assert.deepEqual(node.asked, ['b uuid-1 learner']);
});

test('a node that crashed while joining asks again with the same disk', async () => {
  const node = new Candidate('b', ['a', 'b']);
  node.identity = { diskUuid: 'disk-7', name: 'b', clusterId: null, memberId: null };
  node.answers.set('a', 'cluster-1');
  await node.world.settled(node.find());
  assert.deepEqual(node.asked, ['a disk-7']);
});

test('a refused member goes on asking and says why it waits', async () => {
  const node = new Candidate('b', ['a', 'b']);
  node.answers.set('a', 'refused');
  const found = node.find();
  await node.world.run(5000);
  assert.match(node.details.at(-1) ?? '', /was refused by a: another disk/);
  node.answers.set('a', 'cluster-1');
  await node.world.settled(found);
});

test('a disk that knows its place asks nobody', async () => {
  const node = new Candidate('b', ['a', 'b']);
  node.identity = { diskUuid: 'disk-7', name: 'b', clusterId: 'cluster-1', memberId: 4 };
  const place = await node.world.settled(node.find());
  assert.deepEqual([place.memberId, place.founder, node.written.length], [4, false, 0]);
});

test('a disk or a peer of another cluster is refused', async () => {
  const known = { id: 'cluster-1', bootstrapped: true };
  const disk = new Candidate('b', ['a', 'b']);
  disk.identity = { diskUuid: 'd', name: 'b', clusterId: 'cluster-2', memberId: 4 };
  disk.known = known;
  await assert.rejects(disk.find(), ForeignClusterError);
  const renamed = new Candidate('b', ['a', 'b']);
  renamed.identity = { diskUuid: 'd', name: 'c', clusterId: 'cluster-1', memberId: 4 };
  await assert.rejects(renamed.find(), ForeignClusterError);
  const peer = new Candidate('b', ['a', 'b']);
  peer.known = known;
  peer.answers.set('a', 'cluster-2');
  await assert.rejects(peer.find(), ForeignClusterError);
});
