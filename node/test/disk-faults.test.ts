import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { eventually, freePort, freePortFlags, LithairProcess, lithair } from './serve-process.ts';
import { allNotes, Writers } from './writers.ts';

const CLI = join(import.meta.dirname, '..', 'cli', 'main.ts');
const MODEL = join(import.meta.dirname, 'notes.yaml');
const skip = whyNoStrace() ?? false;

/** Why system calls cannot be made to fail on this machine; null where they can. */
function whyNoStrace(): string | null {
  const call = ['-qq', '-e', 'trace=none', '-e', 'inject=sync:error=EIO', 'true'];
  const { error, status, stderr } = spawnSync('strace', call, { encoding: 'utf8' });
  if (error !== undefined) return `strace cannot be run: ${error.message}`;
  return status === 0 ? null : `strace cannot trace here: ${stderr.trim().split('\n')[0]}`;
}

const root = await mkdtemp(join(tmpdir(), 'lithair-faults-'));
after(() => rm(root, { recursive: true, force: true }));
let directories = 0;

/** A node on a disk of the machine, and clients that write to it. */
class WritingNode {
  readonly data: string;
  readonly url: string;
  readonly words: readonly string[];
  readonly writers: Writers;
  process: LithairProcess;

  private constructor(data: string, port: number, words: readonly string[]) {
    this.data = data;
    this.url = `http://127.0.0.1:${port}`;
    this.words = words;
    this.process = new LithairProcess(words);
    this.writers = new Writers(8, () => [this.url]);
  }

  static async start(): Promise<WritingNode> {
    directories += 1;
    const data = join(root, `data${directories}`);
    const port = await freePort();
    const flags = await freePortFlags(port);
    const words = ['serve', MODEL, '--data', data, '--reserve', '0', ...flags];
    const node = new WritingNode(data, port, words);
    await node.write(50);
    return node;
  }

  async write(more: number): Promise<void> {
    const before = this.writers.acknowledged.size;
    await eventually(
      `${more} acknowledged writes; the node said ${this.process.output}`,
      async () => (this.writers.acknowledged.size - before >= more ? true : null),
    );
  }

  /** Starts again without faults: everything acknowledged is there, and it takes writes. */
  async recovers(): Promise<void> {
    this.process = new LithairProcess(this.words);
    await this.write(20);
    await this.writers.end();
    const found = await allNotes(this.url);
    const lost = [...this.writers.acknowledged].filter(([id, text]) => found.get(id) !== text);
    assert.deepEqual(lost, []);
  }

  async dispose(): Promise<void> {
    await this.writers.end();
    await this.process.kill('SIGKILL');
  }
}

/** Makes a system call of a running process fail from now on. */
async function inject(pid: number, call: string, error: string): Promise<ChildProcess> {
  const words = [
    '-f',
    '-p',
    String(pid),
    '-e',
    `trace=${call}`,
    '-e',
    `inject=${call}:error=${error}`,
  ];
  const strace = spawn('strace', [...words, '-o', '/dev/null'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  assert.ok(strace.stderr);
  await once(strace.stderr, 'data');
  return strace;
}

describe('a system call that fails under a writing node', { skip }, () => {
  for (const [call, error, doing] of [
    ['fdatasync', 'EIO', 'syncing'],
    ['fdatasync', 'ENOSPC', 'syncing'],
    ['pwrite64', 'EIO', 'writing'],
    ['pwrite64', 'ENOSPC', 'writing'],
  ] as const) {
    test(`${call} with ${error} ends it with code 4, names the file, and loses nothing`, async () => {
      const node = await WritingNode.start();
      try {
        const strace = await inject(node.process.pid, call, error);
        const { code } = await node.process.ended;
        strace.kill('SIGINT');
        assert.equal(code, 4, node.process.output);
        const line = node.process.output.trimEnd().split('\n').at(-1) ?? '';
        assert.match(
          line,
          new RegExp(`^lithair: ${doing} ${node.data}/\\S+\\.seg failed: ${error}`),
        );
        await node.recovers();
      } finally {
        await node.dispose();
      }
    });
  }

  test('fdatasync with EIO ends a start with code 4, names the file, and loses nothing', async () => {
    const node = await WritingNode.start();
    try {
      await node.process.kill('SIGKILL');
      const failing = ['-f', '-o', '/dev/null', '-e', 'trace=fdatasync', '-e'];
      const call = [...failing, 'inject=fdatasync:error=EIO', process.execPath, CLI, ...node.words];
      const { status, stderr } = spawnSync('strace', call, { encoding: 'utf8', timeout: 60_000 });
      assert.equal(status, 4, stderr);
      assert.match(stderr, new RegExp(`^lithair: EIO: .*${node.data}/`, 'm'));
      await node.recovers();
    } finally {
      await node.dispose();
    }
  });

  test('rename with EIO makes a snapshot fail and nothing else', async () => {
    const node = await WritingNode.start();
    try {
      const admin = ['snapshot', '--peer-tls', join(node.data, 'certs', 'admin')];
      const peerPort = node.words[node.words.indexOf('--peer-port') + 1] ?? '';
      const words = [...admin, '--address', `127.0.0.1:${peerPort}`];
      const strace = await inject(node.process.pid, 'rename', 'EIO');
      const refused = await lithair(...words);
      assert.equal(refused.code, 1, refused.output);
      await node.write(20);
      strace.kill('SIGINT');
      await once(strace, 'exit');
      const taken = await lithair(...words);
      assert.equal(taken.code, 0, taken.output);
      await node.process.kill('SIGKILL');
      await node.recovers();
    } finally {
      await node.dispose();
    }
  });
});
