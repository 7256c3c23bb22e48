import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { after, describe, test } from 'node:test';
import { pause } from '../wait.ts';
import { Mesh } from './mesh.ts';

/** Members a and b, each an echo server that prefixes what it hears. */
async function open() {
  const servers = ['a', 'b'].map((name) =>
    createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', (chunk: Buffer) => socket.write(`${name}:${chunk.toString()}`));
    }),
  );
  const ports = new Map<string, number>();
  for (const [at, server] of servers.entries()) {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const address = server.address();
    assert.ok(typeof address === 'object' && address !== null);
    ports.set(at === 0 ? 'a' : 'b', address.port);
  }
  const mesh = await Mesh.open(ports);
  after(async () => {
    await mesh.close();
    for (const server of servers) server.close();
  });
  return mesh;
}

class Line {
  readonly socket: Socket;
  heard = '';
  closed = false;

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('data', (chunk: Buffer) => {
      this.heard += chunk.toString();
    });
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.closed = true;
    });
  }

  async hears(text: string): Promise<void> {
    while (this.heard !== text && !this.closed) await pause(5);
    assert.equal(this.heard, text);
  }
}

describe('the network between members', () => {
  test('carries bytes both ways', async () => {
    const mesh = await open();
    const line = new Line(mesh.portOf('a', 'b'));
    line.socket.write('hello');
    await line.hears('b:hello');
    line.socket.destroy();
  });

  test('stops one way and not the other, on connections that either side dialled', async () => {
    const mesh = await open();
    const [ab, ba] = [new Line(mesh.portOf('a', 'b')), new Line(mesh.portOf('b', 'a'))];
    ab.socket.write('1');
    ba.socket.write('1');
    await Promise.all([ab.hears('b:1'), ba.hears('a:1')]);
    mesh.block('b', 'a');
    // From a to b all goes well: what comes back, and what b sends by itself, does not arrive.
    ab.socket.write('2');
    ba.socket.write('2');
    await pause(100);
    assert.deepEqual([ab.heard, ba.heard], ['b:1', 'a:1']);
    mesh.heal('b', 'a');
    await Promise.all([ab.hears('b:1b:2'), ba.hears('a:1a:2')]);
    for (const line of [ab, ba]) line.socket.destroy();
  });

  test('delays bytes and keeps their order', async () => {
    const mesh = await open();
    const line = new Line(mesh.portOf('a', 'b'));
    mesh.delay('a', 'b', 80);
    const startedMs = performance.now();
    line.socket.write('slow');
    await pause(20);
    mesh.delay('a', 'b', 0);
    line.socket.write('fast');
    await line.hears('b:slowfast');
    assert.ok(performance.now() - startedMs >= 75);
    line.socket.destroy();
  });

  test('loses packets, and brings them when they are sent again, in order', async () => {
    const mesh = await open();
    const line = new Line(mesh.portOf('a', 'b'));
    mesh.lose('a', 'b', 1);
    line.socket.write('lost');
    await pause(50);
    mesh.lose('a', 'b', 0);
    line.socket.write('kept');
    await pause(100);
    assert.equal(line.heard, '');
    await line.hears('b:lostkept');
    line.socket.destroy();
  });

  test('resets connections', async () => {
    const mesh = await open();
    const line = new Line(mesh.portOf('a', 'b'));
    line.socket.write('x');
    await line.hears('b:x');
    assert.equal(
      mesh.reset((from, to) => from === 'b' && to === 'a'),
      0,
    );
    assert.equal(
      mesh.reset((from, to) => from === 'a' && to === 'b'),
      1,
    );
    while (!line.closed) await pause(5);
  });
});
