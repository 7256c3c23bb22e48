import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { contents, names, openMember, seeded } from './fixture.ts';
import { LogLockedError, NodeFileSystem } from './index.ts';

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'lithair-process-'));
after(() => fs.rmSync(root, { recursive: true }));
const disk = new NodeFileSystem();

/** Appends entries one after another and prints the index of each that is durable. */
const WRITER = `
  const [dir, room] = process.argv.slice(1);
  const { openMember, entry } = await import(room + '/fixture.ts');
  const { NodeFileSystem } = await import(room + '/index.ts');
  const { log } = await openMember(new NodeFileSystem(), dir);
  console.log('open');
  const next = () => {
    const index = log.lastIndex() + 1;
    log.save({ entries: [entry(index, 1, 200)] }, () => {
      process.stdout.write(index + '\\n');
      next();
    });
  };
  for (let client = 0; client < 4; client++) next();
`;

function startWriter(dir: string): ChildProcess {
  const args = ['--input-type=module', '-e', WRITER, dir, import.meta.dirname];
  return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
}

/** Reads lines until `enough` says so; returns the last index that was acknowledged. */
async function readUntil(child: ChildProcess, enough: (last: number) => boolean): Promise<number> {
  assert.ok(child.stdout);
  let last = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    if (line !== 'open') last = Number(line);
    if (enough(last)) child.kill('SIGKILL');
  }
  return last;
}

test('another process is refused while the first one lives, and let in after a kill', async () => {
  const dir = path.join(root, 'locked');
  const child = startWriter(dir);
  assert.ok(child.stdout);
  await once(child.stdout, 'data');
  await assert.rejects(openMember(disk, dir), (error: unknown) => {
    return error instanceof LogLockedError && error.message.includes(dir);
  });
  child.kill('SIGKILL');
  await once(child, 'exit');
  const { directory } = await openMember(disk, dir);
  await directory.close();
});

test('kill -9 in the middle of writing loses nothing that was acknowledged', async () => {
  const dir = path.join(root, 'killed');
  const random = seeded(5);
  let before = 0;
  for (let round = 0; round < 5; round++) {
    const target = before + 100 + Math.floor(random.fraction() * 200);
    const child = startWriter(dir);
    const exited = once(child, 'exit');
    const last = await readUntil(child, (index) => index >= target);
    await exited;
    const { directory, log } = await openMember(disk, dir);
    assert.ok(log.lastIndex() >= last && last >= target, `${log.lastIndex()} < ${last}`);
    assert.deepEqual(contents(log), names(1, log.lastIndex(), 1));
    before = log.lastIndex();
    await directory.close();
  }
});
