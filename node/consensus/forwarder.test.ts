import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError } from '../ports/index.ts';
import { Forwarder } from './forwarder.ts';
import { envelopeOf } from './testing/cluster.ts';
import { InProcessNetwork } from './testing/in-process-network.ts';
import { VirtualWorld } from './testing/virtual-world.ts';

const LEADER = { leading: true, leader: 1, memberId: 1, onceChanged: () => () => {} };

test('a refused retry says nothing about the attempt before it, whose outcome stays unknown', async () => {
  const world = new VirtualWorld(1);
  const codes = ['outcome_unknown'] as ('outcome_unknown' | 'overloaded')[];
  const forwarder = new Forwarder(
    LEADER,
    new InProcessNetwork(world.defer).transport(1),
    world.clock,
    () => Promise.reject(new EngineError(codes.shift() ?? 'overloaded', 'no')),
  );
  const submitted = world.settled(forwarder.submit(envelopeOf('m', '1', 'key')));
  await assert.rejects(submitted, { code: 'outcome_unknown' });
  await assert.rejects(forwarder.submit(envelopeOf('m', '1', 'key')), { code: 'overloaded' });
});
