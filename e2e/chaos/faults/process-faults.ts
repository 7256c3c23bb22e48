import { type ChildProcess, spawn } from 'node:child_process';
import type { Member } from '../cluster/index.ts';
import { claim, type Fault, last, release, type Scene } from './fault.ts';

/** Kills a member as a power cut would end its process, and starts it again. */
export const kill: Fault = async (scene) => {
  const member = await claim(scene);
  if (member === null) return null;
  await member.kill();
  await last(scene, scene.random.logarithmic(50, 3000));
  member.start();
  release(member);
  return member.name;
};

/** Kills all members at the same moment. */
export const killAll: Fault = async (scene) => {
  const { members } = scene.cluster;
  if (members.some((member) => member.impaired)) return null;
  for (const member of members) member.impaired = true;
  await Promise.all(members.map((member) => member.kill()));
  for (const member of members) {
    member.start();
    release(member);
  }
  return 'all at once';
};

/** Stops a member in order, and starts it again. */
export const restart: Fault = async (scene) => {
  const member = await claim(scene);
  if (member === null) return null;
  await member.stop();
  member.start();
  release(member);
  return member.name;
};

const SHORTEST_STOP_MS = 100;
const LONGEST_STOP_MS = 30_000;

/**
 * Stops the clock of a member: to itself, no time goes by. Half of the time it is the leader, for
 * as long as clients wait: it wakes up with their requests, and does not know yet that it is deposed.
 */
export const freeze: Fault = async (scene) => {
  const { random } = scene;
  const isLeader = random.chance(0.5);
  const member = await claim(scene, isLeader ? 1 : 0);
  if (member === null) return null;
  const [from, to] = isLeader ? [800, 2800] : [SHORTEST_STOP_MS, LONGEST_STOP_MS];
  const ms = random.logarithmic(from, to);
  await frozen(scene, member, ms);
  release(member);
  return `${member.name} for ${(ms / 1000).toFixed(1)} s`;
};

async function frozen(scene: Scene, member: Member, ms: number): Promise<void> {
  const waker = wakeLater(member.pid);
  member.signal('SIGSTOP');
  try {
    await last(scene, ms);
  } finally {
    member.signal('SIGCONT');
    // With the sleep that it started: both are a process group of their own.
    if (waker.pid !== undefined && waker.exitCode === null) process.kill(-waker.pid, 'SIGKILL');
  }
}

/** Wakes a member also where this process is killed meanwhile, so that it can end, too. */
function wakeLater(pid: number): ChildProcess {
  const script = `sleep ${LONGEST_STOP_MS / 1000 + 30}; kill -CONT ${pid}`;
  return spawn('sh', ['-c', script], { stdio: 'ignore', detached: true });
}
