import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { claim, type Fault, last, release } from './fault.ts';

/** System calls of the log that fail, and how. */
const FAILURES = [
  ['fdatasync', 'EIO'],
  ['fdatasync', 'ENOSPC'],
  ['pwrite64', 'EIO'],
  ['pwrite64', 'ENOSPC'],
] as const;

const ATTACH_MS = 5_000;
const FAILS_MS = 8_000;

/** Why disk errors cannot be made on this machine; null where they can. */
export function whyNoDiskErrors(): string | null {
  const words = ['-qq', '-e', 'trace=none', '-e', 'inject=sync:error=EIO', 'true'];
  const { error, status, stderr } = spawnSync('strace', words, { encoding: 'utf8' });
  if (error !== undefined) return `strace cannot be run (${error.message})`;
  return status === 0 ? null : `strace cannot trace here (${stderr.trim().split('\n')[0]})`;
}

/** The disk of a member fails: it must stop at once, by itself, and start again once it is sound. */
export const disk: Fault = async (scene) => {
  const member = await claim(scene);
  if (member === null) return null;
  const [call, error] = scene.random.pick(FAILURES);
  member.expected = 'disk failure';
  const strace = await attach(member.pid, call, error);
  const givesUp = new Promise<null>((resolve) => setTimeout(resolve, FAILS_MS, null).unref());
  const end = await Promise.race([member.ended, givesUp]);
  // Without writes nothing fails; then it ends as after a power cut.
  await member.kill();
  strace.kill('SIGKILL');
  await last(scene, scene.random.between(0, 1000));
  member.start();
  release(member);
  return `${member.name}: ${call} ${error}, ${end === null ? 'no write met it' : 'stopped itself'}`;
};

/** Makes a system call of a running process fail from now on. */
function attach(pid: number, call: string, error: string): Promise<ChildProcess> {
  const injected = ['-e', `trace=${call}`, '-e', `inject=${call}:error=${error}`];
  const words = ['-f', '-p', String(pid), ...injected, '-o', '/dev/null'];
  const strace = spawn('strace', words, { stdio: ['ignore', 'ignore', 'pipe'] });
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(strace), ATTACH_MS);
    const attached = (): void => {
      clearTimeout(timer);
      resolve(strace);
    };
    strace.on('error', attached);
    strace.stderr.once('data', attached);
  });
}
