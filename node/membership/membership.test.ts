import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClusterStatus, MemberStatus } from '@lithair/crds/contract';
import { recordOf, TestCluster, type TestMember } from '../consensus/testing/cluster.ts';
import { putMember, removeMember } from '../consensus/testing/key-value-state.ts';
import type { MemberRecord } from '../ports/index.ts';
import {
  AdminApi,
  AdminError,
  type AdminResponse,
  announceAddress,
  MemberChanges,
  type NodeInfo,
  RegionPromotion,
  waitingHandler,
} from './index.ts';

const ENTRIES = { put: putMember, remove: removeMember };

test('a learner that is meant to vote is promoted once it has caught up', async () => {
  const cluster = await TestCluster.start(1);
  const api = apiOf(cluster, cluster.member(1));
  const added = await call(cluster, api, 'POST', 'members', request(2));
  assert.deepEqual(added, {
    status: 200,
    body: { clusterId: 'cluster-1', epoch: 1, memberId: 2 },
  });
  assert.deepEqual(cluster.member(1).consensus.confState.learners, [2]);
  await cluster.open(2);
  await cluster.world.until('member 2 votes', () =>
    cluster.member(1).consensus.confState.voters.includes(2),
  );
  await cluster.converge();
});

test('a learner that would not go on with a vote stays one with the reason, and holds no other back', async () => {
  const cluster = await TestCluster.start(1);
  const first = cluster.member(1);
  const { voters } = first.consensus.confState;
  const refusing = { is: true };
  const api = apiOf(cluster, first, ({ id, name }) =>
    id === 2 && refusing.is
      ? Promise.reject(new AdminError('keys_missing', `member ${name} has no key 1`))
      : Promise.resolve(),
  );
  for (const id of [2, 3]) {
    await call(cluster, api, 'POST', 'members', request(id));
    await cluster.open(id);
  }
  const votes = (id: number) => first.consensus.confState.voters.includes(id);
  await cluster.world.until('member 3 votes', () => votes(3));
  await cluster.world.run(5000);
  assert.deepEqual([voters, first.consensus.confState.learners], [[1], [2]]);
  const asked = await call(cluster, api, 'POST', 'members/2/promote');
  assert.equal(codeOf(asked), '409 keys_missing');
  assert.match(JSON.stringify(asked.body), /member n2 has no key 1/);
  const told = async () => {
    const { body } = await call(cluster, api, 'GET', 'members');
    return /"heldBack":"([^"]*)"/.exec(JSON.stringify(body))?.[1];
  };
  assert.equal(await told(), 'member n2 has no key 1', 'everybody can find out why');
  refusing.is = false;
  await cluster.world.until('member 2 votes', () => votes(2));
  assert.equal(await told(), undefined);
});

test('a learner that is meant to stay one is not promoted', async () => {
  const cluster = await TestCluster.start(1);
  const api = apiOf(cluster, cluster.member(1));
  await call(cluster, api, 'POST', 'members', { ...request(2), role: 'learner' });
  const learner = await cluster.open(2);
  await cluster.world.until('it has caught up', () => learner.consensus.caughtUp);
  await cluster.world.run(2000);
  assert.deepEqual(cluster.member(1).consensus.confState.learners, [2]);
});

test('asking again with the same disk gives the same id, and takes the new address', async () => {
  const cluster = await TestCluster.start(1);
  const api = apiOf(cluster, cluster.member(1));
  await call(cluster, api, 'POST', 'members', request(2));
  const again = await call(cluster, api, 'POST', 'members', {
    ...request(2),
    address: 'elsewhere:1',
  });
  assert.deepEqual(again.body, { clusterId: 'cluster-1', epoch: 1, memberId: 2 });
  const record = cluster
    .member(1)
    .consensus.state?.members()
    .find(({ id }) => id === 2);
  assert.equal(record?.address, 'elsewhere:1');
});

test('a member that is started with another address makes it known, through any leader', async () => {
  const cluster = await TestCluster.start(3);
  for (const member of cluster.members.values()) apiOf(cluster, member);
  const { id, consensus } = cluster.follower();
  const placement = {
    clusterId: 'cluster-1',
    memberId: id,
    diskUuid: `disk-${id}`,
    address: 'moved:1',
    founder: false,
  };
  const api = apiOf(cluster, cluster.member(id));
  assert.ok(await cluster.world.settled(announceAddress(api, consensus, placement)));
  const record = cluster.leader.consensus.state?.members().find((member) => member.id === id);
  assert.equal(record?.address, 'moved:1');
});

test('a name, a disk or an address that belongs to another member is refused', async () => {
  const cluster = await TestCluster.start(2);
  const api = apiOf(cluster, cluster.leader);
  const other = { name: 'n9', address: 'n9:1', diskUuid: 'disk-9', role: 'voter' };
  const refusals = [
    await call(cluster, api, 'POST', 'members', { ...other, name: 'n2' }),
    await call(cluster, api, 'POST', 'members', { ...other, diskUuid: 'disk-2' }),
    await call(cluster, api, 'POST', 'members', { ...other, address: 'n2:10080' }),
  ];
  assert.deepEqual(refusals.map(codeOf), ['409 name_taken', '409 disk_taken', '409 address_taken']);
});

test('an id is never given twice', async () => {
  const cluster = await TestCluster.start(1);
  const api = apiOf(cluster, cluster.member(1));
  await call(cluster, api, 'POST', 'members', request(2));
  assert.equal((await call(cluster, api, 'DELETE', 'members/2')).status, 204);
  const next = await call(cluster, api, 'POST', 'members', request(2));
  assert.deepEqual(next.body, { clusterId: 'cluster-1', epoch: 1, memberId: 3 });
});

test('the last voter, and a voter without whom no quorum is left, are not removed', async () => {
  const alone = await TestCluster.start(1);
  const last = await call(alone, apiOf(alone, alone.member(1)), 'DELETE', 'members/1');
  assert.equal(codeOf(last), '409 last_voter');
  const cluster = await TestCluster.start(3);
  const leader = cluster.leader;
  const [dead, other] = [...cluster.members.keys()].filter((id) => id !== leader.id);
  cluster.kill(dead ?? 0);
  await cluster.world.run(1000);
  const refused = await call(cluster, apiOf(cluster, leader), 'DELETE', `members/${other}`);
  assert.equal(codeOf(refused), '409 no_quorum');
  const replaced = await call(cluster, apiOf(cluster, leader), 'DELETE', `members/${dead}`);
  assert.equal(replaced.status, 204);
});

test('a leader that is to be removed hands over first, and the next one removes it', async () => {
  const cluster = await TestCluster.start(3);
  const apis = new Map([...cluster.members.values()].map((m) => [m.id, apiOf(cluster, m)]));
  const leader = cluster.leader;
  const api = apis.get(leader.id);
  assert.ok(api);
  const answer = await call(cluster, api, 'DELETE', `members/${leader.id}`);
  assert.equal(answer.status, 204);
  assert.equal(cluster.leader.consensus.confState.voters.includes(leader.id), false);
});

test('a member that is said to be lost is removed only when it does not answer', async () => {
  const cluster = await TestCluster.start(3);
  const { leader } = cluster;
  const api = apiOf(cluster, leader);
  const other = cluster.follower().id;
  const target = `members/${other}`;
  assert.equal(
    codeOf(await call(cluster, api, 'DELETE', `${target}?lost=maybe`)),
    '400 invalid_request',
  );
  assert.equal(
    codeOf(await call(cluster, api, 'DELETE', `${target}?lost=true`)),
    '409 still_there',
  );
  const self = `members/${leader.id}`;
  assert.equal(codeOf(await call(cluster, api, 'DELETE', `${self}?lost=true`)), '409 still_there');
  cluster.kill(other);
  await cluster.world.run(1000);
  assert.equal((await call(cluster, api, 'DELETE', `${target}?lost=true`)).status, 204);
});

test('an unknown member, a learner that lags and a learner that should lead are refused', async () => {
  const cluster = await TestCluster.start(2);
  const api = apiOf(cluster, cluster.leader);
  await call(cluster, api, 'POST', 'members', request(3));
  const refusals = [
    await call(cluster, api, 'DELETE', 'members/77'),
    await call(cluster, api, 'POST', 'members/77/promote'),
    await call(cluster, api, 'POST', 'members/3/promote'),
    await call(cluster, api, 'POST', 'transfer', { to: 3 }),
    await call(cluster, api, 'POST', 'transfer', { to: 77 }),
  ];
  assert.deepEqual(refusals.map(codeOf), [
    '404 unknown_member',
    '404 unknown_member',
    '409 not_caught_up',
    '409 not_a_voter',
    '404 unknown_member',
  ]);
});

test('a request to a follower is executed by the leader', async () => {
  const cluster = await TestCluster.start(3);
  for (const member of cluster.members.values()) apiOf(cluster, member);
  const api = apiOf(cluster, cluster.follower());
  const answer = await call(cluster, api, 'PUT', 'model', { models: [] });
  assert.deepEqual(answer.body, { result: 'applied', schemaVersion: 2, changes: [] });
  const refused = await call(cluster, api, 'PUT', 'model', { breaking: true });
  assert.equal(codeOf(refused), '409 breaking_change');
  const transferred = await call(cluster, api, 'POST', 'transfer', {});
  assert.equal(transferred.status, 200);
});

test('without a quorum, a change is refused as unavailable', async () => {
  const cluster = await TestCluster.start(2);
  const { leader } = cluster;
  cluster.kill(cluster.follower().id);
  await cluster.world.run(1000);
  const answer = await call(cluster, apiOf(cluster, leader), 'POST', 'members', request(9));
  assert.equal(codeOf(answer), '503 unavailable');
});

test('the status tells who leads, who is a member and how far each one is', async () => {
  const cluster = await TestCluster.start(3);
  await cluster.world.run(500);
  const { body } = await call(cluster, apiOf(cluster, cluster.leader), 'GET', 'status');
  const status = statusOf(body);
  assert.equal(status.role, 'leader');
  assert.equal(status.leader, status.memberId);
  assert.deepEqual(
    status.members.map(({ id, name, role, lag }) => [id, name, role, lag]),
    [1, 2, 3].map((id) => [id, `n${id}`, 'voter', 0]),
  );
  const follower = statusOf(
    (await call(cluster, apiOf(cluster, cluster.follower()), 'GET', 'status')).body,
  );
  assert.equal(follower.role, 'follower');
  assert.deepEqual(
    follower.members.map((member: MemberStatus) => member.match),
    [null, null, null],
  );
});

test('a snapshot can be asked for', async () => {
  const cluster = await TestCluster.start(1);
  const { body } = await call(cluster, apiOf(cluster, cluster.member(1)), 'POST', 'snapshot');
  assert.deepEqual(body, { index: cluster.member(1).consensus.applied, term: 2 });
  assert.equal(
    cluster.member(1).log.snapshot().metadata.index,
    cluster.member(1).consensus.applied,
  );
});

test('what is not in the API, or not in the right form, is refused with the reason', async () => {
  const cluster = await TestCluster.start(1);
  const api = apiOf(cluster, cluster.member(1));
  const answers = [
    await call(cluster, api, 'GET', 'nothing'),
    await call(cluster, api, 'PATCH', 'members'),
    await call(cluster, api, 'DELETE', 'members/x'),
    await call(cluster, api, 'POST', 'members', []),
    await call(cluster, api, 'POST', 'members', { ...request(2), extra: 1 }),
    await call(cluster, api, 'POST', 'members', { ...request(2), address: 'nowhere' }),
    await call(cluster, api, 'POST', 'members', { ...request(2), name: 'A B' }),
    await call(cluster, api, 'POST', 'members', { ...request(2), role: 'king' }),
    await call(cluster, api, 'PUT', 'model?dryRun=perhaps', {}),
    await call(cluster, api, 'PUT', 'model'),
  ];
  assert.deepEqual(answers.map(codeOf), [
    '404 not_found',
    '405 method_not_allowed',
    ...Array.from({ length: 8 }, () => '400 invalid_request'),
  ]);
  assert.equal(answers[1]?.allow, 'GET, POST');
});

test('a node without a cluster says that it waits, and does nothing else', async () => {
  const waiting = waitingHandler('n1', '0.1.0');
  const status = await waiting.handle(requestOf('GET', 'status'));
  assert.deepEqual(status, {
    status: 503,
    body: { waiting: true, name: 'n1', version: '0.1.0' },
  });
  assert.equal(codeOf(await waiting.handle(requestOf('POST', 'members'))), '503 no_cluster');
});

function apiOf(
  cluster: TestCluster,
  member: TestMember,
  admitVoter: (member: MemberRecord) => Promise<void> = () => Promise.resolve(),
): AdminApi {
  const { clock } = cluster.world;
  const logger = cluster.world.logger(`m${member.id}`);
  const view = member.consensus;
  const info: NodeInfo = { ...infoOf(member), heldBack: (id) => api.heldBack(id) };
  const api: AdminApi = new AdminApi({
    view,
    regionPromotion: new RegionPromotion({
      view,
      info,
      ask: () => Promise.reject(new Error('not asked')),
      heardMs: () => null,
      logTimeMs: () => 0,
      foundNextEpoch: () => Promise.reject(new Error('not asked')),
    }),
    changes: new MemberChanges({
      view,
      entries: ENTRIES,
      clock,
      logger,
      applyVersion: () => 3,
      letGo: () => Promise.resolve(),
      admitVoter,
    }),
    closeOutbox: () => null,
    changeModel: (spec) => {
      if (JSON.stringify(spec).includes('breaking')) {
        return Promise.reject(new AdminError('breaking_change', 'field a is gone'));
      }
      return Promise.resolve({ result: 'applied', schemaVersion: 2, changes: [] });
    },
    backUp: () => Promise.reject(new AdminError('unavailable', 'there is no log here')),
    compaction: {
      seal: () => Promise.reject(new AdminError('unavailable', 'there is no history here')),
      compact: () => Promise.reject(new AdminError('unavailable', 'there is no log here')),
    },
    info,
    clock,
    logger,
  });
  return api;
}

function infoOf(member: TestMember): NodeInfo {
  return {
    name: `n${member.id}`,
    version: '0.1.0',
    applyVersions: { oldest: 1, latest: 2 },
    applyVersion: () => 2,
    storage: () => null,
    outbox: () => null,
    modelChange: () => null,
    encryption: () => null,
    behind: () => ({ bytes: 0, ms: 0 }),
    heldBack: () => null,
    logEnd: () => ({ index: 1, term: 1 }),
  };
}

function request(id: number): Record<string, unknown> {
  const { name, address, diskUuid } = recordOf(id);
  return { name, address, diskUuid, role: 'voter' };
}

function requestOf(method: string, target: string, body?: unknown) {
  const [path = '', query = ''] = target.split('?');
  return { method, path: `/_admin/${path}`, query, body };
}

function call(
  cluster: TestCluster,
  api: AdminApi,
  method: string,
  target: string,
  body?: unknown,
): Promise<AdminResponse> {
  return cluster.world.settled(api.handle(requestOf(method, target, body)), 60_000);
}

function codeOf({ status, body }: AdminResponse): string {
  assert.ok(typeof body === 'object' && body !== null && 'code' in body, JSON.stringify(body));
  return `${status} ${String(body.code)}`;
}

function statusOf(body: unknown): ClusterStatus {
  assert.ok(typeof body === 'object' && body !== null && 'clusterId' in body);
  return JSON.parse(JSON.stringify(body));
}
