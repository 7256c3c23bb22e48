import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Consensus, type ConsensusOptions, foundCluster } from './consensus/index.ts';
import { InProcessNetwork } from './consensus/testing/in-process-network.ts';
import { VirtualWorld } from './consensus/testing/virtual-world.ts';
import { FieldVault, memoryKeys } from './encryption/index.ts';
import { schemaOf } from './http/testing/single-node.ts';
import { Leader } from './leader.ts';
import { MemoryFileSystem, openDataDirectory } from './log/index.ts';
import type { Command, Outcome } from './ports/index.ts';
import {
  type ApplyResult,
  createState,
  type ReplicatedState,
  restoreState,
} from './state/index.ts';
import { LogSink, Tracer } from './telemetry/index.ts';

const TIMEOUT_MS = 1000;
const key = { name: 'id', type: 'string', primaryKey: true };
const SPEC = schemaOf([
  {
    name: 'Lease',
    fields: [key, { name: 'until', type: 'datetime' }],
    lifecycle: { ttl: { field: 'until' } },
  },
  { name: 'Note', fields: [key] },
  { name: 'Hall', fields: [key] },
  {
    name: 'Seat',
    fields: [
      key,
      { name: 'until', type: 'datetime' },
      { name: 'code', type: 'string', unique: true },
      { name: 'hall', type: 'reference', to: 'Hall' },
    ],
    lifecycle: { ttl: { field: 'until' } },
  },
  {
    name: 'Guest',
    fields: [
      key,
      { name: 'seat', type: 'reference', to: 'Seat', onDelete: 'cascade' },
      { name: 'drink', type: 'string' },
    ],
  },
  { name: 'Pin', fields: [key, { name: 'code', type: 'string', encrypted: true }] },
]);
const { random: elsewhere } = new VirtualWorld(2);
/** Its key was wrapped by a master key that the member below does not have. */
const SCHEMA = {
  ...SPEC,
  fieldKey: new FieldVault(memoryKeys(elsewhere), elsewhere).create(),
};

/** The only member of a cluster: real consensus over a disk and a time that are not. */
class Member {
  readonly world = new VirtualWorld(1);
  readonly told: string[] = [];
  readonly #leader: Leader;

  constructor() {
    const { clock, random } = this.world;
    const tracer = new Tracer(clock, random, new LogSink(this.world.logger('traces')));
    const logger = { debug: (_: object, message: string) => void this.told.push(message) };
    const vault = new FieldVault(null, random);
    this.#leader = new Leader(clock, { random, tracer, logger }, () => false, vault);
  }

  async lead(options: Partial<ConsensusOptions>): Promise<void> {
    const { clock, random, defer } = this.world;
    const fs = new MemoryFileSystem({ defer });
    const parts = { fs, clock, random, defer, logger: this.world.logger('log') };
    const directory = await openDataDirectory({ dir: '/data', ...parts });
    const identity = { diskUuid: 'disk', name: 'n1', clusterId: 'test', memberId: 1 };
    await directory.writeIdentity(identity);
    const log = await directory.openLog({ segmentBytes: 64 * 1024 });
    const state = founded(clock.nowMs());
    await foundCluster(log, state, 1);
    const consensus = new Consensus<ApplyResult, ReplicatedState>({
      ...parts,
      memberId: 1,
      log,
      transport: new InProcessNetwork(defer).transport(1),
      state,
      restore: (chunks) => restoreState(chunks),
      execute: (envelope) => this.#leader.execute(envelope),
      serveOutbox: () => Promise.reject(new Error('there is no outbox')),
      serveArchive: () => Promise.reject(new Error('there are no archives')),
      options,
      onFailure: assert.fail,
      onApplied: (index) => this.#leader.onApplied(index),
    });
    this.#leader.attach(consensus);
    consensus.start();
    await this.world.until('it leads', () => consensus.leading);
  }

  run(command: Command): Promise<Outcome> {
    const actor = { subject: 'ann', method: 'none', roles: [] } as const;
    const envelope = { command, actor, schemaVersion: 1, idempotency: null };
    return this.world.settled(this.#leader.execute({ ...envelope, timeoutMs: TIMEOUT_MS }));
  }

  expire(): Promise<boolean> {
    return this.world.settled(this.#leader.expireRows(TIMEOUT_MS));
  }
}

function founded(nowMs: number): ReplicatedState {
  const members = [
    { id: 1, name: 'n1', address: '127.0.0.1:1', diskUuid: 'disk', intent: 'voter' } as const,
  ];
  return createState({ clusterId: 'test', epoch: 1, schema: SCHEMA, members, nowMs });
}

it('executes a command though the deletion of expired rows in front of it finds no place', async () => {
  const member = new Member();
  await member.world.settled(member.lead({ maxEntryBytes: 250 }));
  const until = new Date(member.world.clock.nowMs() + 1000).toISOString();
  for (let at = 0; at < 20; at++) {
    const body = { id: `lease${at}`, until };
    assert.equal((await member.run({ kind: 'create', model: 'Lease', body })).kind, 'applied');
  }
  await member.world.run(2000);
  await assert.rejects(member.expire(), { code: 'overloaded' });
  const outcome = await member.run({ kind: 'create', model: 'Note', body: { id: 'n' } });
  assert.equal(outcome.kind, 'applied', JSON.stringify(outcome));
  assert.deepEqual(member.told, ['expired rows could not be deleted in front of a command']);
});

it('meets no row that has expired, however many wait to be deleted', async () => {
  const member = new Member();
  await member.world.settled(member.lead({}));
  const until = new Date(member.world.clock.nowMs() + 1000).toISOString();
  const seats = Array.from({ length: 1000 }, (_, at) => ({ id: `s${at}`, code: `c${at}`, until }));
  const all = await member.run({ kind: 'createMany', model: 'Seat', bodies: seats });
  assert.equal(all.kind, 'applied');
  const create = (model: string, body: { readonly [name: string]: string }) =>
    member.run({ kind: 'create', model, body });
  assert.equal((await create('Guest', { id: 'g', seat: 's999' })).kind, 'applied');
  await member.world.run(2000);
  const unborn = await create('Guest', { id: 'h', seat: 's998' });
  assert.partialDeepStrictEqual(unborn, { kind: 'rejected', code: 'missing_reference' });
  // Its seat takes it along, and until then it may be changed.
  const patch = JSON.stringify({ drink: 'tea' });
  const same = { kind: 'patch', model: 'Guest', id: 'g', format: 'merge', ifMatch: null } as const;
  assert.equal((await member.run({ ...same, patch })).kind, 'applied');
  assert.equal((await create('Seat', { id: 'new', code: 'c997' })).kind, 'applied');
  assert.equal((await create('Seat', { id: 's996' })).kind, 'applied');
});

it('deletes a row that rows refer to which have expired, and none that others refer to', async () => {
  const member = new Member();
  await member.world.settled(member.lead({}));
  await member.run({ kind: 'createMany', model: 'Hall', bodies: [{ id: 'gone' }, { id: 'used' }] });
  const until = new Date(member.world.clock.nowMs() + 1000).toISOString();
  const seatsOf = (hall: string, count: number) =>
    Array.from({ length: count }, (_, at) => ({ id: `${hall}${at}`, hall, until }));
  const bodies = [...seatsOf('gone', 900), ...seatsOf('used', 50), { id: 'kept', hall: 'used' }];
  await member.run({ kind: 'createMany', model: 'Seat', bodies });
  await member.world.run(2000);
  const remove = (id: string) => member.run({ kind: 'delete', model: 'Hall', id, ifMatch: null });
  const refused = await remove('used');
  assert.partialDeepStrictEqual(refused, { kind: 'rejected', code: 'still_referenced' });
  const applied = await remove('gone');
  assert.equal(applied.kind, 'applied', JSON.stringify(applied));
});

it('writes rows without encrypted fields while the key of those does not open', async () => {
  const member = new Member();
  await member.world.settled(member.lead({}));
  const pin = { kind: 'create', model: 'Pin', body: { id: 'p', code: '1234' } } as const;
  await assert.rejects(member.run(pin), { code: 'unavailable', message: /does not open/ });
  const note = await member.run({ kind: 'create', model: 'Note', body: { id: 'n' } });
  assert.equal(note.kind, 'applied', JSON.stringify(note));
});
