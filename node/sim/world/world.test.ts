import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PeerSocket } from '../../consensus/index.ts';
import {
  CALM_NETWORK,
  MachineClock,
  Process,
  Scheduler,
  SeededRandom,
  SimulatedDisk,
  SimulatedNetwork,
  Trace,
} from './index.ts';

test('what a process awaits has come to rest before the next thing happens', async () => {
  const scheduler = new Scheduler(new Trace());
  const order: string[] = [];
  scheduler.after(1, 'first', null, () => {
    void (async () => {
      for (let step = 0; step < 5; step++) await Promise.resolve();
      await new Promise<void>((resolve) => {
        process.nextTick(resolve);
      });
      order.push('first is over');
    })();
  });
  scheduler.after(1, 'second', null, () => void order.push('second'));
  await scheduler.runUntil(2);
  assert.deepEqual(order, ['first is over', 'second']);
  assert.equal(scheduler.nowMs, 2);
});

test('a dead process hears nothing, a stopped one everything late and in order', async () => {
  const scheduler = new Scheduler(new Trace());
  const [dead, stopped] = [new Process('dead'), new Process('stopped')];
  const heard: string[] = [];
  scheduler.after(5, 'a', dead, () => void heard.push('dead'));
  scheduler.after(5, 'a', stopped, () => void heard.push('one'));
  scheduler.after(6, 'a', stopped, () => void heard.push('two'));
  dead.kill();
  stopped.stop();
  await scheduler.runUntil(10);
  assert.deepEqual(heard, []);
  scheduler.resume(stopped);
  await scheduler.runUntil(11);
  assert.deepEqual(heard, ['one', 'two']);
});

test('the wall clock jumps, the monotonic one does not notice', async () => {
  const scheduler = new Scheduler(new Trace());
  const machine = new MachineClock(scheduler, 1.01, 0);
  const clock = machine.of(new Process('p'));
  await scheduler.runUntil(1000);
  const [wallMs, monotonicMs] = [clock.nowMs(), clock.monotonicMs()];
  machine.jump(-5000);
  assert.equal(clock.nowMs(), wallMs - 5000);
  assert.equal(clock.monotonicMs(), monotonicMs);
});

test('a connection keeps the order of its bytes over cuts', async () => {
  for (let seed = 0; seed < 20; seed++) {
    const { scheduler, network, sent, heard, write } = await connected(seed);
    const random = new SeededRandom(seed);
    for (let at = 0; at < 60; at++) {
      write(at);
      if (random.chance(0.2)) network.cut('a', 'b');
      if (random.chance(0.2)) network.heal();
      await scheduler.runUntil(scheduler.nowMs + random.fraction() * 20);
    }
    network.heal();
    await scheduler.runUntil(scheduler.nowMs + 1000);
    assert.deepEqual(heard(), sent());
  }
});

test('a file that was not synced may be lost with the power, one that was is not', async () => {
  const scheduler = new Scheduler(new Trace());
  const disk = new SimulatedDisk(scheduler, new SeededRandom(1), { sectorBytes: 512 });
  const files = disk.attach(new Process('p'));
  const made = Promise.all(
    ['kept', 'lost'].map(async (name) => {
      const file = await files.open(`/${name}`, 'create');
      await new Promise<void>((resolve) => {
        file.write(new Uint8Array(2000).fill(1), 0, () => resolve());
      });
      return file;
    }),
  );
  await scheduler.runUntil(10);
  const [kept] = await made;
  kept?.sync(() => void files.syncDirectory('/'));
  await scheduler.runUntil(20);
  const image = disk.durableImage();
  assert.deepEqual(await image.stat('/kept'), { size: 2000, kind: 'file' });
  assert.deepEqual(await image.stat('/lost'), { size: 0, kind: 'file' });
});

async function connected(seed: number) {
  const scheduler = new Scheduler(new Trace());
  const network = new SimulatedNetwork(scheduler, new SeededRandom(seed));
  network.mood = { ...CALM_NETWORK, straggle: 0.3, straggleMs: 30 };
  const received: Buffer[] = [];
  network.peerNetwork('b', new Process('b')).accept((socket) => {
    socket.start({ onData: (chunk) => void received.push(chunk), onClose: () => {} });
  });
  const peer = { id: 2, name: 'b', address: 'b:1', diskUuid: '' };
  let isUp = false;
  const dialler = network.peerNetwork('a', new Process('a'));
  const socket: PeerSocket = dialler.connect(peer, 'request', () => {
    isUp = true;
  });
  socket.start({ onData: () => {}, onClose: () => {} });
  await scheduler.runUntil(200);
  assert.ok(isUp);
  const written: Buffer[] = [];
  return {
    scheduler,
    network,
    sent: () => Buffer.concat(written).toString(),
    heard: () => Buffer.concat(received).toString(),
    write: (at: number): void => {
      const bytes = Buffer.from(`message ${at};`);
      written.push(bytes);
      socket.write(bytes);
    },
  };
}
