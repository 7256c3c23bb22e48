import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualWorld } from './consensus/testing/virtual-world.ts';
import { FieldVault, formatKeyring, MasterKeys, newKey, parseKeyring } from './encryption/index.ts';
import { EncryptionKeeper } from './encryption-keeper.ts';
import { surveyFieldKeys } from './field-keys.ts';
import { SingleNode, schemaOf } from './http/testing/single-node.ts';
import { MemoryFileSystem, openDataDirectory } from './log/index.ts';

const DIR = '/data';
const defer = (later: () => void) => void setImmediate(later);

/** A keyring of one key that has nothing in common with those that a node made for itself. */
function ringOf(id: number) {
  const record = newKey([], new Uint8Array(32).fill(id), '2026-11-28T12:00:00.000Z');
  return parseKeyring(formatKeyring([{ ...record, id }]), 'keys.json');
}

function modelOf(index: string, ...more: object[]) {
  return schemaOf([
    {
      name: 'Note',
      fields: [
        { name: 'id', type: 'string', primaryKey: true },
        { name: 'open', type: 'string', index },
        ...more,
      ],
    },
  ]);
}

/**
 * A node whose first encrypted field comes with a model change that is not in force yet, as an index is
 * being built for it; its snapshot is all that is on its disk.
 */
async function preparing(world: VirtualWorld) {
  const node = new SingleNode(modelOf('none'));
  const actor = { subject: 'ann', method: 'none', roles: [] } as const;
  const command = { kind: 'create', model: 'Note', body: { id: 'n', open: 'o' } } as const;
  node.execute({ command, actor, schemaVersion: 1, idempotency: null, timeoutMs: 1000 });
  node.changeSchema(modelOf('hash', { name: 'secret', type: 'string', encrypted: true }));
  assert.equal(node.current.schema.fieldKey, undefined);
  assert.equal(node.current.pendingChange?.schema.fieldKey?.masterKey, 1);
  const { clock, random } = world;
  const fs = new MemoryFileSystem({ defer });
  const parts = { fs, clock, random, defer, logger: world.logger('log'), dir: DIR };
  const directory = await openDataDirectory(parts);
  const identity = { diskUuid: 'disk', name: 'n1', clusterId: 'test', memberId: 1 };
  await directory.writeIdentity(identity);
  const log = await directory.openLog({ segmentBytes: 64 * 1024 });
  const confState = {
    voters: [1],
    learners: [],
    votersOutgoing: [],
    learnersNext: [],
    autoLeave: false,
  };
  const metadata = { index: node.current.appliedIndex, term: 1, confState };
  await log.bootstrap(metadata, node.current.snapshot());
  return { node, log, ...parts };
}

test('a key that only a model change has which is being prepared is needed by a disk', async () => {
  const world = new VirtualWorld(1);
  const { node, fs, random } = await preparing(world);
  const uses = await surveyFieldKeys({ dir: DIR, fs }, node.fieldKeys);
  const file = 'encrypted fields (in a snapshot)';
  assert.deepEqual(uses, [{ file, keyId: 1, refusal: null }]);
  const lacking = new FieldVault(new MasterKeys(ringOf(2)), random);
  const [use] = await surveyFieldKeys({ dir: DIR, fs }, lacking);
  assert.equal(use?.refusal?.code, 'KEY_MISSING');
});

test('such a key is told as needed, and no keyring takes the place of the one that has it', async () => {
  const world = new VirtualWorld(1);
  const parts = await preparing(world);
  const { node, random } = parts;
  const masters = new MasterKeys(ringOf(1));
  const keys = masters.of('disk', random);
  const keeper = new EncryptionKeeper({
    ...parts,
    masters,
    keys,
    outbox: () => null,
    audit: { encrypt: () => {}, renew: () => Promise.resolve(), keyUses: [] },
    fields: node.fieldKeys,
    sharedKeys: () => keys.checks(),
    diskUuid: 'disk',
    state: () => node.current,
    rewrite: () => Promise.resolve(),
    onRefused: assert.fail,
  });
  assert.deepEqual(keeper.status?.files, [{ key: 1, count: 1 }]);
  await keeper.offer(ringOf(2));
  assert.equal(masters.keyring.activeId, 1);
  assert.match(world.lines.at(-1) ?? '', /the changed keys are not used.*needs key 1/);
  keeper.stop();
});
