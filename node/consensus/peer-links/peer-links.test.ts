import assert from 'node:assert/strict';
import { once } from 'node:events';
import { afterEach, test } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import type { CertificateAuthority } from '@lithair/crds/certificates';
import { ADMIN_ALPN, RAFT_ALPN } from '@lithair/crds/contract';
import { type Message, MessageType, NO_BYTES } from 'etcd-raft-ts';
import type { SnapshotPart } from '../../log/index.ts';
import type { Logger, MemberRecord } from '../../ports/index.ts';
import { systemClock, systemRandom } from '../../world.ts';
import { ConsensusError } from '../errors.ts';
import {
  LinkTransport,
  type PeerHandler,
  PeerListener,
  type TlsMaterial,
  TlsPeerNetwork,
} from '../index.ts';
import { authority, materialOf } from '../testing/certificates.ts';
import { encodeFrame, FrameKind } from '../wire/index.ts';

const CLUSTER = 'cluster-1';

interface Peer {
  readonly record: MemberRecord;
  readonly material: TlsMaterial;
  readonly transport: LinkTransport;
  readonly messages: Message[];
  readonly lost: number[];
  readonly gone: number[];
  readonly lines: string[];
  readonly removals: string[];
  answer: (body: Uint8Array) => Promise<Uint8Array>;
  snapshot: Buffer;
  /** What came of a snapshot that broke off. */
  part: Buffer;
  /** Where the last snapshot began. */
  offset: number;
}

interface PeerOptions {
  readonly material: TlsMaterial;
  readonly clusterId?: string;
  readonly diskUuid?: string;
  readonly name?: string;
  readonly nextMemberId?: number;
  readonly disk?: { lasts: boolean };
  readonly epoch?: number;
  readonly region?: string;
  readonly applyVersion?: number;
  readonly applyVersions?: { readonly oldest: number; readonly latest: number };
}

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

test('messages, requests and snapshots reach the other member', async () => {
  const [a, b] = await pair();
  await connected(a, b);
  a.transport.send(2, message({ index: 7, context: Buffer.from('x') }));
  await until(() => b.messages.some(({ index }) => index === 7));
  const answer = await a.transport.request(2, 'command', Buffer.from('ping'), 1000);
  assert.equal(Buffer.from(answer).toString(), 'ping!');
  const chunks = Array.from({ length: 40 }, (_, i) => Buffer.alloc(300_000, i));
  await a.transport.sendSnapshot(2, message({ type: MessageType.Snap }), contentOf(chunks));
  assert.ok(b.snapshot.equals(Buffer.concat(chunks)));
});

test('a snapshot that broke off goes on where it was; another one begins anew', async () => {
  const [a, b] = await pair();
  await connected(a, b);
  const chunks = Array.from({ length: 20 }, (_, i) => Buffer.alloc(300_000, i));
  const whole = Buffer.concat(chunks);
  const send = (readable?: number, identity?: number) =>
    a.transport.sendSnapshot(
      2,
      message({ type: MessageType.Snap }),
      contentOf(chunks, readable, identity),
    );
  await assert.rejects(send(3_000_000), /the disk failed/);
  await until(() => b.part.length > 0);
  const { length } = b.part;
  await send();
  assert.ok(b.offset > 0 && b.offset === length, `it began at ${b.offset} of ${length}`);
  assert.ok(b.snapshot.equals(whole));

  await assert.rejects(send(3_000_000), /the disk failed/);
  await until(() => b.part.length > 0);
  await send(Infinity, 7);
  assert.equal(b.offset, 0);
  assert.ok(b.snapshot.equals(whole));
});

test('an answer gets back to a member whose address is not known', async () => {
  const [a, b] = await pair();
  a.transport.setPeers([b.record]);
  await connected(a, b);
  b.transport.send(1, message({ from: 2, to: 1, index: 9 }));
  await until(() => a.messages.some(({ index }) => index === 9));
});

test('a request that nobody answers is given up, and counts as sent', async () => {
  const [a, b] = await pair();
  await connected(a, b);
  b.answer = () => new Promise(() => {});
  await assert.rejects(a.transport.request(2, 'command', NO_BYTES, 100), { sent: true });
});

test('what a member did not expect of a request is in its log; a refusal of every day is not', async () => {
  const [a, b] = await pair();
  await connected(a, b);
  const told = () => b.lines.filter((line) => line.includes('failed unexpectedly'));
  b.answer = () => Promise.reject(new ConsensusError('not_leader', 'not the leader'));
  await assert.rejects(a.transport.request(2, 'outbox', NO_BYTES, 1000), { sent: true });
  assert.deepEqual(told(), []);
  b.answer = () => Promise.reject(new Error('a bug'));
  await assert.rejects(a.transport.request(2, 'archive', NO_BYTES, 1000), { sent: true });
  assert.equal(told().length, 1, told().join());
});

test('a request to somebody who is not connected was certainly not sent', async () => {
  const [a] = await pair();
  await assert.rejects(a.transport.request(2, 'command', NO_BYTES, 100), { sent: false });
});

test('a peer is gone where its connection broke and it takes no new one', async () => {
  const [a, b] = await pair();
  await connected(a, b);
  assert.deepEqual(a.gone, []);
  await closers.pop()?.();
  await until(() => a.gone.length > 0);
  assert.deepEqual(a.gone, [2]);
  // It is told once, not at every attempt.
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.deepEqual(a.gone, [2]);
});

test('a peer that comes back is dialled again', async () => {
  const ca = await authority();
  const a = await peer(1, 'n1', { material: await materialOf(ca, 'member', 'n1') });
  const material = await materialOf(ca, 'member', 'n2');
  const first = await peer(2, 'n2', { material });
  a.transport.setPeers([first.record]);
  await connected(a, first);
  await closers.pop()?.();
  await until(() => {
    a.transport.send(2, message({}));
    return a.lost.length > 0;
  });
  const port = Number(first.record.address.split(':')[1]);
  const second = await peer(2, 'n2', { material }, port);
  await connected(a, second);
});

test('a peer with a certificate of another authority is refused at both ends', async () => {
  const [a, b] = await pair({}, { material: await materialOf(await authority(), 'member', 'n2') });
  a.transport.setPeers([b.record]);
  b.transport.setPeers([a.record]);
  await until(() => told(a, 'cannot connect') && told(b, 'cannot connect'));
  await until(() => told(a, 'no valid certificate') || told(b, 'no valid certificate'));
  await assert.rejects(a.transport.request(2, 'command', NO_BYTES, 100), { sent: false });
});

test('a peer with the certificate of another member is refused at both ends', async () => {
  const ca = await authority();
  const [a, b] = await pair({ ca }, { material: await materialOf(ca, 'member', 'n3') });
  a.transport.setPeers([b.record]);
  await until(() => told(a, 'carries member n3, not member n2'));
  b.transport.setPeers([a.record]);
  await until(() => told(a, 'refused a peer') && told(b, 'it says n2, its certificate n3'));
  assert.equal(a.messages.length + b.messages.length, 0);
});

test('the certificate of an administrator opens no link', async () => {
  const ca = await authority();
  const [a, b] = await pair({ ca }, { material: await materialOf(ca, 'admin', 'n2') });
  b.transport.setPeers([a.record]);
  await until(() => told(a, 'refused a peer'));
});

test('a member of another cluster is refused', async () => {
  const [a, b] = await pair({}, { clusterId: 'cluster-2' });
  b.transport.setPeers([a.record]);
  await until(() => told(b, 'it belongs to cluster cluster-2, not cluster-1'));
});

test('a member id with another disk is refused', async () => {
  const [a, b] = await pair({}, { diskUuid: 'disk-9' });
  b.transport.setPeers([a.record]);
  await until(() => told(b, 'has another disk'));
});

test('a removed member is refused and told that it was removed', async () => {
  const ca = await authority();
  const a = await peer(1, 'n1', { material: await materialOf(ca, 'member', 'n1') });
  const b = await peer(3, 'n3', { material: await materialOf(ca, 'member', 'n3') });
  b.transport.setPeers([a.record]);
  await until(() => b.removals.length > 0);
  assert.match(b.removals[0] ?? '', /was removed from the cluster/);
});

test('a removed member hears it from whoever is there now where it knew another', async () => {
  const ca = await authority();
  const a = await peer(4, 'n1', {
    material: await materialOf(ca, 'member', 'n1'),
    nextMemberId: 5,
  });
  const b = await peer(3, 'n3', { material: await materialOf(ca, 'member', 'n3') });
  b.transport.setPeers([{ ...a.record, id: 1 }]);
  await until(() => b.removals.length > 0);
  assert.match(b.removals[0] ?? '', /member 3 was removed from the cluster/);
});

test('a removed member is told so only by a voter whose disk knows it', async () => {
  const ca = await authority();
  const disk = { lasts: false };
  const a = await peer(1, 'n1', { material: await materialOf(ca, 'member', 'n1'), disk });
  const b = await peer(3, 'n3', { material: await materialOf(ca, 'member', 'n3') });
  b.transport.setPeers([a.record]);
  await until(() => told(b, 'the removal of member 3 is for a voter to confirm'));
  assert.deepEqual(b.removals, []);
  disk.lasts = true;
  await until(() => b.removals.length > 0);
});

test('a member of an epoch that is over is refused for good, whoever dials', async () => {
  const [a, b] = await pair({ epoch: 2 }, { epoch: 1 });
  b.transport.setPeers([a.record]);
  await until(() => b.removals.length > 0);
  assert.match(b.removals[0] ?? '', /the disk is of epoch 1, and the cluster goes on in epoch 2/);
  const [c, d] = await pair({ epoch: 2 }, { epoch: 1 });
  c.transport.setPeers([d.record]);
  await until(() => d.removals.length > 0);
  assert.match(d.removals[0] ?? '', /the disk is of epoch 1, and the cluster goes on in epoch 2/);
  assert.deepEqual([a.removals, c.removals], [[], []]);
});

test('a member that cannot follow the apply version in force is refused', async () => {
  const [a, b] = await pair({ applyVersion: 3 }, { applyVersions: { oldest: 1, latest: 2 } });
  b.transport.setPeers([a.record]);
  await until(() => b.removals.length > 0);
  assert.match(b.removals[0] ?? '', /at apply version 3, the member takes part in 1 to 2/);
});

test('members tell each other what they can take part in, and what their clocks show', async () => {
  const [a, b] = await pair({}, { applyVersions: { oldest: 2, latest: 7 } });
  await connected(a, b);
  assert.deepEqual(a.transport.applyVersionsOf(2), { oldest: 2, latest: 7 });
  assert.equal(a.transport.applyVersionsOf(3), null);
  await until(() => b.transport.clockOf(1) !== null);
  assert.ok(Math.abs((b.transport.clockOf(1) ?? 0) - Date.now()) < 60_000);
});

test('what goes to another region is made smaller, and nothing else', async () => {
  const body = Buffer.from('the same words again and again '.repeat(400));
  const near = await pair({ region: 'eu-west' }, { region: 'eu-west' });
  const far = await pair({ region: 'eu-west' }, { region: 'us-east' });
  for (const [a, b] of [near, far]) {
    await connected(a, b);
    const answer = await a.transport.request(2, 'command', body, 5000);
    assert.equal(Buffer.from(answer).toString(), `${body.toString()}!`);
    const chunks = [Buffer.alloc(300_000, 7), body];
    await a.transport.sendSnapshot(2, message({ type: MessageType.Snap }), contentOf(chunks));
    assert.ok(b.snapshot.equals(Buffer.concat(chunks)));
  }
  assert.deepEqual(near[0].transport.compression, { plainBytes: 0, sentBytes: 0 });
  const { plainBytes, sentBytes } = far[0].transport.compression;
  assert.ok(plainBytes > 300_000 && sentBytes < plainBytes / 10, `${plainBytes} ${sentBytes}`);
});

test('a compressed frame that nobody agreed to closes the connection', async () => {
  const [a, b] = await pair();
  await connected(a, b);
  const socket = await dialRaw(a, b.material, RAFT_ALPN);
  const hello = { protocol: 1, clusterId: CLUSTER, memberId: 2, name: 'n2', diskUuid: 'disk-2' };
  const greeting = Buffer.from(JSON.stringify({ ...hello, channel: 'raft', to: 1 }));
  socket.write(encodeFrame(FrameKind.Hello, greeting));
  await once(socket, 'data');
  socket.write(encodeFrame(FrameKind.Compressed, Buffer.from('x')));
  socket.resume();
  await once(socket, 'close');
});

test('a member that came later than the table is let in: it may lead by now', async () => {
  const ca = await authority();
  const a = await peer(1, 'n1', { material: await materialOf(ca, 'member', 'n1') });
  const b = await peer(4, 'n4', { material: await materialOf(ca, 'member', 'n4') });
  b.transport.setPeers([a.record]);
  const isHeard = (): boolean => a.messages.some(({ from }) => from === 4);
  const speak = (): void => b.transport.send(1, message({ from: 4, to: 1 }));
  await until(() => (speak(), isHeard()));
  // Those whom the table names by now come and go beside it.
  a.messages.length = 0;
  a.transport.setPeers([]);
  await until(() => (speak(), isHeard()));
  assert.equal(told(b, 'lost the connection'), false);
});

test('a frame that is too long closes the connection before it is taken', async () => {
  const ca = await authority();
  const material = await materialOf(ca, 'member', 'n2');
  const a = await peer(1, 'n1', { material: await materialOf(ca, 'member', 'n1') });
  const socket = await dialRaw(a, material, RAFT_ALPN);
  const header = Buffer.alloc(5);
  header.writeUInt32BE(1_000_000_000, 0);
  socket.write(header);
  await once(socket, 'close');
});

test('a link that begins with anything but a hello is closed', async () => {
  const ca = await authority();
  const a = await peer(1, 'n1', { material: await materialOf(ca, 'member', 'n1') });
  const socket = await dialRaw(a, await materialOf(ca, 'member', 'n2'), RAFT_ALPN);
  socket.write(encodeFrame(FrameKind.Message, Buffer.from('x')));
  await once(socket, 'close');
});

test('ALPN tells the admin API from raft frames', async () => {
  const ca = await authority();
  const admin = await materialOf(ca, 'admin', 'operator');
  const listener = new PeerListener(await materialOf(ca, 'member', 'n1'), logger([]));
  closers.push(() => listener.close());
  listener.onAdmin((socket, identity) => socket.end(`${identity.kind}:${identity.name}`));
  listener.onRaft((socket) => socket.end('raft'));
  const port = await listener.listen('127.0.0.1', 0);
  const answers = await Promise.all(
    [ADMIN_ALPN, RAFT_ALPN].map((alpn) => answerTo(port, admin, alpn)),
  );
  assert.deepEqual(answers, ['admin:operator', 'raft']);
  await assert.rejects(answerTo(port, admin, 'h2'));
});

async function pair(
  first: { readonly ca?: CertificateAuthority } & Partial<PeerOptions> = {},
  second: Partial<PeerOptions> = {},
): Promise<[Peer, Peer]> {
  const ca = first.ca ?? (await authority());
  const a = await peer(1, 'n1', { material: await materialOf(ca, 'member', 'n1'), ...first });
  const b = await peer(2, 'n2', { material: await materialOf(ca, 'member', 'n2'), ...second });
  return [a, b];
}

async function peer(id: number, name: string, options: PeerOptions, port = 0): Promise<Peer> {
  const lines: string[] = [];
  const removals: string[] = [];
  const listener = new PeerListener(options.material, logger(lines));
  const actualPort = await listener.listen('127.0.0.1', port);
  const diskUuid = options.diskUuid ?? `disk-${id}`;
  const { epoch = 0, applyVersion = 0, region, applyVersions } = options;
  const table = {
    members: () => [member(1), member(2)],
    nextMemberId: options.nextMemberId ?? 4,
    epoch,
    applyVersion,
    get lasts() {
      return options.disk?.lasts ?? true;
    },
  };
  const said = { ...(region && { region }), ...(applyVersions && { applyVersions }) };
  const transport = new LinkTransport({
    network: new TlsPeerNetwork(listener, options.material),
    self: { clusterId: options.clusterId ?? CLUSTER, memberId: id, name, diskUuid, ...said },
    table,
    world: { clock: systemClock, random: systemRandom, logger: logger(lines) },
    onRefused: (reason) => removals.push(reason),
  });
  const record = { ...member(id), name, address: `127.0.0.1:${actualPort}` };
  const made: Peer = {
    record,
    material: options.material,
    transport,
    lines,
    removals,
    messages: [],
    lost: [],
    gone: [],
    answer: (body) => Promise.resolve(Buffer.from(`${Buffer.from(body).toString()}!`)),
    snapshot: Buffer.alloc(0),
    part: Buffer.alloc(0),
    offset: -1,
  };
  transport.start(handlerOf(made));
  closers.push(async () => {
    await transport.close();
    await listener.close();
  });
  return made;
}

function handlerOf(peer: Peer): PeerHandler {
  return {
    message: (_from, received) => void peer.messages.push(received),
    request: (_from, _kind, body) => peer.answer(body),
    snapshotPart: () => (peer.part.length === 0 ? null : partOf(peer.part)),
    snapshot: async (_from, _message, chunks, offset) => {
      peer.offset = offset;
      let content = peer.part.subarray(0, offset);
      peer.part = Buffer.alloc(0);
      try {
        for await (const chunk of chunks) content = Buffer.concat([content, chunk]);
      } catch (error) {
        peer.part = content;
        throw error;
      }
      peer.snapshot = content;
    },
    unreachable: (to) => void peer.lost.push(to),
    gone: (id) => void peer.gone.push(id),
  };
}

function member(id: number): MemberRecord {
  const name = `n${id}`;
  return { id, name, address: 'unknown:1', diskUuid: `disk-${id}`, intent: 'voter' };
}

async function connected(from: Peer, to: Peer): Promise<void> {
  from.transport.setPeers([to.record]);
  const before = to.messages.length;
  await until(() => {
    from.transport.send(to.record.id, message({ from: from.record.id, to: to.record.id }));
    return to.messages.length > before;
  });
  await untilAsync(() =>
    from.transport.request(to.record.id, 'admin', NO_BYTES, 500).then(
      () => true,
      () => false,
    ),
  );
}

function message(part: Partial<Message>): Message {
  return {
    type: MessageType.Heartbeat,
    to: 2,
    from: 1,
    term: 1,
    logTerm: 0,
    index: 0,
    entries: [],
    commit: 0,
    vote: 0,
    snapshot: null,
    reject: false,
    rejectHint: 0,
    context: NO_BYTES,
    responses: [],
    ...part,
  };
}

async function dialRaw(to: Peer, material: TlsMaterial, alpn: string): Promise<TLSSocket> {
  const port = Number(to.record.address.split(':')[1]);
  const socket = connect({
    host: '127.0.0.1',
    port,
    ca: material.caPem,
    cert: material.certificatePem,
    key: material.privateKeyPem,
    ALPNProtocols: [alpn],
    checkServerIdentity: () => undefined,
  });
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  return socket;
}

async function answerTo(port: number, material: TlsMaterial, alpn: string): Promise<string> {
  const socket = connect({
    host: '127.0.0.1',
    port,
    ca: material.caPem,
    cert: material.certificatePem,
    key: material.privateKeyPem,
    ALPNProtocols: [alpn],
    checkServerIdentity: () => undefined,
  });
  const parts = await Array.fromAsync<Buffer>(socket);
  return Buffer.concat(parts).toString();
}

function told(peer: Peer, text: string): boolean {
  return peer.lines.some((line) => line.includes(text));
}

function logger(lines: string[]): Logger {
  const take = (fields: object, text: string): void => {
    lines.push(`${text} ${JSON.stringify(fields)}`);
  };
  return { debug: () => {}, info: take, warn: take, error: take };
}

async function until(condition: () => boolean): Promise<void> {
  await untilAsync(() => Promise.resolve(condition()));
}

async function untilAsync(condition: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('not in time');
}

const IDENTITY = 0xdeadbeef;

function partOf(part: Buffer): SnapshotPart {
  return { identity: IDENTITY, bytes: part.length };
}

/** A snapshot to send; its file cannot be read beyond `readable`. */
function contentOf(chunks: readonly Buffer[], readable = Infinity, identity = IDENTITY) {
  const all = Buffer.concat(chunks);
  return {
    identity,
    async *from(offset: number): AsyncGenerator<Uint8Array> {
      for (let at = offset; at < all.length; at += 300_000) {
        if (at >= readable) throw new Error('the disk failed');
        yield all.subarray(at, at + 300_000);
      }
    },
  };
}
