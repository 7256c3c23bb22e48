import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CommandEnvelope, EngineError, type Outcome } from '../ports/index.ts';
import { PeerRequestError } from './errors.ts';
import { Forwarder } from './forwarder.ts';
import { envelopeOf } from './testing/cluster.ts';
import { InProcessNetwork } from './testing/in-process-network.ts';
import { VirtualWorld } from './testing/virtual-world.ts';
import { encodeJson } from './wire/index.ts';

const APPLIED: Outcome = {
  kind: 'applied',
  index: 7,
  effect: 'created',
  aggregates: [],
  replayed: false,
};

const silent = { error: () => assert.fail('nothing is unexpected here') };
const LEADER = { leading: true, leader: 1, memberId: 1, onceChanged: () => () => {} };

test('a refused retry says nothing about the attempt before it, whose outcome stays unknown', async () => {
  const world = new VirtualWorld(1);
  const codes = ['outcome_unknown'] as ('outcome_unknown' | 'overloaded')[];
  const forwarder = new Forwarder(
    LEADER,
    new InProcessNetwork(world.defer).transport(1),
    world.clock,
    () => Promise.reject(new EngineError(codes.shift() ?? 'overloaded', 'no')),
    silent,
  );
  const submitted = world.settled(forwarder.submit(envelopeOf('m', '1', 'key')));
  await assert.rejects(submitted, { code: 'outcome_unknown' });
  await assert.rejects(forwarder.submit(envelopeOf('m', '1', 'key')), { code: 'overloaded' });
});

test('a leader without space refuses a write at once, on a follower too', async () => {
  const world = new VirtualWorld(1);
  const network = new InProcessNetwork(world.defer);
  let asked = 0;
  const leader = new Forwarder(
    LEADER,
    network.transport(1),
    world.clock,
    () => {
      asked += 1;
      return Promise.reject(new EngineError('out_of_space', 'the disk is nearly full'));
    },
    silent,
  );
  const toLeader = Object.assign(network.transport(2), {
    request: (_to: number, _kind: string, body: Uint8Array) => leader.serve(body),
  });
  const view = { leading: false, leader: 1, memberId: 2, onceChanged: () => () => {} };
  const follower = new Forwarder(
    view,
    toLeader,
    world.clock,
    () => assert.fail('not the leader'),
    silent,
  );
  const told = { code: 'out_of_space', message: 'the disk is nearly full' };
  await assert.rejects(leader.submit(envelopeOf('m', '1', 'key')), told);
  await assert.rejects(follower.submit(envelopeOf('m', '1', 'key')), told);
  assert.equal(asked, 2);
});

test('a leader that was just elected keeps forwarded writes until it may execute them', async () => {
  const world = new VirtualWorld(1);
  const waiting: (() => void)[] = [];
  const view = {
    leading: false,
    leader: 1,
    memberId: 1,
    onceChanged: (callback: () => void) => {
      waiting.push(callback);
      return () => {};
    },
  };
  let executed = 0;
  const execute = (): Promise<Outcome> => {
    executed += 1;
    return Promise.reject(new EngineError('out_of_space', 'executed'));
  };
  const transport = new InProcessNetwork(world.defer).transport(1);
  const forwarder = new Forwarder(view, transport, world.clock, execute, silent);
  const envelope = new TextEncoder().encode(
    JSON.stringify({ envelope: envelopeOf('m', '1', 'k') }),
  );
  const change = (leading: boolean, leader: number): void => {
    Object.assign(view, { leading, leader });
    for (const callback of waiting.splice(0)) callback();
  };
  const served = forwarder.serve(envelope);
  assert.equal(executed, 0);
  change(true, 1);
  assert.match(new TextDecoder().decode(await served), /out_of_space/);
  assert.equal(executed, 1);
  // One that loses its term before it could answer says so, and so does one that waits in vain.
  change(false, 1);
  const lost = forwarder.serve(envelope);
  change(false, 2);
  assert.match(new TextDecoder().decode(await lost), /not_leader/);
  change(false, 1);
  assert.match(
    new TextDecoder().decode(await world.settled(forwarder.serve(envelope))),
    /not_leader/,
  );
  assert.equal(executed, 1);
});

test('what a request brings goes with it: who asked, its key, and the time that is left', async () => {
  const world = new VirtualWorld(1);
  const network = new InProcessNetwork(world.defer);
  const executed: CommandEnvelope[] = [];
  const leader = new Forwarder(
    LEADER,
    network.transport(1),
    world.clock,
    (envelope) => {
      executed.push(envelope);
      return Promise.resolve(APPLIED);
    },
    silent,
  );
  const toLeader = Object.assign(network.transport(2), {
    request: (_to: number, _kind: string, body: Uint8Array) => leader.serve(body),
  });
  const waiting: (() => void)[] = [];
  const onceChanged = (callback: () => void) => {
    waiting.push(callback);
    return () => {};
  };
  const view = { leading: false, leader: 0, memberId: 2, onceChanged };
  const follower = new Forwarder(
    view,
    toLeader,
    world.clock,
    () => assert.fail('not the leader'),
    silent,
  );
  const actor = { subject: 's-1', method: 'jwt', roles: ['Manager'] } as const;
  const envelope = { ...envelopeOf('m', '1', 'key'), actor };
  const submitted = follower.submit(envelope);
  await world.run(2000);
  view.leader = 1;
  for (const changed of waiting.splice(0)) changed();
  assert.deepEqual(await world.settled(submitted), APPLIED);
  const [seen] = executed;
  assert.ok(seen !== undefined);
  assert.deepEqual({ ...seen, timeoutMs: 0 }, { ...envelope, timeoutMs: 0 });
  assert.ok(seen.timeoutMs <= envelope.timeoutMs - 2000, `${seen.timeoutMs} ms are left`);
});

test('only a key lets a request be sent again that may have had an effect', async () => {
  for (const [key, expected] of [
    ['key', { code: undefined, asked: 2 }],
    [null, { code: 'outcome_unknown', asked: 1 }],
  ] as const) {
    const world = new VirtualWorld(1);
    let asked = 0;
    const transport = Object.assign(new InProcessNetwork(world.defer).transport(2), {
      request: () => {
        asked += 1;
        if (asked === 1) return Promise.reject(new PeerRequestError(true, 'the link was lost'));
        return Promise.resolve(encodeJson({ outcome: APPLIED }));
      },
    });
    const view = { leading: false, leader: 1, memberId: 2, onceChanged: () => () => {} };
    const follower = new Forwarder(view, transport, world.clock, () => assert.fail(), silent);
    const code = await world.settled(
      follower.submit(envelopeOf('m', '1', key)).then(
        () => undefined,
        (error: unknown) => (error instanceof EngineError ? error.code : String(error)),
      ),
    );
    assert.deepEqual({ code, asked }, expected);
  }
});

test('what a leader did not expect is in its log, and an error of the server for the caller', async () => {
  for (const key of ['key', null]) {
    const world = new VirtualWorld(1);
    const network = new InProcessNetwork(world.defer);
    let executed = 0;
    const execute = () => {
      executed += 1;
      return Promise.reject(new Error('pin of Card "c7" is damaged'));
    };
    const logger = world.logger('leader');
    const leader = new Forwarder(LEADER, network.transport(1), world.clock, execute, logger);
    const toLeader = Object.assign(network.transport(2), {
      request: (_to: number, _kind: string, body: Uint8Array) => leader.serve(body),
    });
    const view = { leading: false, leader: 1, memberId: 2, onceChanged: () => () => {} };
    const follower = new Forwarder(view, toLeader, world.clock, () => assert.fail(), silent);
    const submitted = world.settled(follower.submit(envelopeOf('m', '1', key)));
    await assert.rejects(submitted, (error: EngineError) => {
      assert.equal(error.code, 'internal');
      assert.ok(!error.message.includes('c7'));
      return true;
    });
    assert.equal(executed, 1);
    assert.equal(world.lines.length, 1);
    assert.match(world.lines[0] ?? '', /leader error .*failed unexpectedly.*"c7\\" is damaged/);
  }
});

test('an attempt that may have had an effect stays unknown where the next one fails in a bug', async () => {
  const world = new VirtualWorld(1);
  let asked = 0;
  const transport = Object.assign(new InProcessNetwork(world.defer).transport(2), {
    request: () => {
      asked += 1;
      if (asked === 1) return Promise.reject(new PeerRequestError(true, 'the link was lost'));
      return Promise.resolve(encodeJson({ error: 'internal', message: 'a bug' }));
    },
  });
  const view = { leading: false, leader: 1, memberId: 2, onceChanged: () => () => {} };
  const follower = new Forwarder(view, transport, world.clock, () => assert.fail(), silent);
  const submitted = world.settled(follower.submit(envelopeOf('m', '1', 'key')));
  await assert.rejects(submitted, { code: 'outcome_unknown' });
  assert.equal(asked, 2);
});
