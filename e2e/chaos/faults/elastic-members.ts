import { type Cluster, type Member } from '../cluster/index.ts';
import { pause } from '../wait.ts';
import { type Fault, last, release, type Scene } from './fault.ts';

const ADMIN_MS = 15_000;
/** How long a member may take to hear that it was removed. */
const HEARS_MS = 8_000;
const AGAIN_MS = 200;
/** So often a member is killed between joining and its vote. */
const KILLED_ON_ITS_WAY = 0.4;

/** Tells that there is no time left. */
type IsOver = () => boolean;

/**
 * Gives the elastic members votes, or takes them out: three voters, five, three, and so on. Each is
 * added as a learner and promoted; other faults meet it on its way as they meet the others.
 */
export const resize: Fault = async (scene) => {
  const { cluster, over } = scene;
  const elastic = cluster.all.filter((member) => member.elastic);
  const grows = elastic.some(({ isIn, role }) => !isIn || role === 'learner');
  const before = cluster.voters.length;
  for (const member of elastic) {
    if (over.aborted) break;
    if (grows) await comeIn(scene, member);
    else await leave(scene, member);
    await last(scene, scene.random.between(0, 1500));
  }
  return `from ${before} to ${cluster.voters.length}`;
};

/** In the end: who has to leave leaves, who has a vote to get gets it. */
export async function becomeWhole(cluster: Cluster, withinMs: number): Promise<void> {
  const dueMs = performance.now() + withinMs;
  const isOver = (): boolean => performance.now() > dueMs;
  for (const member of cluster.members) {
    if (member.mustLeave) await takeOut(cluster, member, isOver);
    else if (member.promotionAsked || (member.elastic && member.role === 'voter')) {
      await promote(cluster, member, isOver);
    }
  }
}

async function comeIn(scene: Scene, member: Member): Promise<void> {
  const { cluster, random, over } = scene;
  const isKilled = random.chance(KILLED_ON_ITS_WAY);
  const calmMs = random.between(0, 1500);
  if (!member.isIn) {
    member.isIn = true;
    member.start();
  }
  if (isKilled) {
    await last(scene, calmMs);
    await killOnItsWay(member);
  }
  await promote(cluster, member, () => over.aborted);
}

async function killOnItsWay(member: Member): Promise<void> {
  if (member.impaired || !member.running) return;
  member.impaired = true;
  await member.kill();
  member.start();
  release(member);
}

/** Asks until it votes; refusals such as that it has not caught up are no reason to give up. */
async function promote(cluster: Cluster, member: Member, isOver: IsOver): Promise<void> {
  while (!isOver()) {
    const found = await findMember(cluster, member.name);
    if (found?.role === 'voter') {
      member.role = 'voter';
      return;
    }
    const id = found?.id;
    if (id !== undefined && id !== null) {
      // Whatever the answer will be, it may have its vote from here on.
      member.promotionAsked = true;
      const through = administrator(cluster, member);
      await cluster.administer(through, ['member', 'promote', String(id)], ADMIN_MS);
    }
    await pause(AGAIN_MS);
  }
}

async function leave(scene: Scene, member: Member): Promise<void> {
  const { cluster, over } = scene;
  while (member.impaired && !over.aborted) await pause(50);
  if (over.aborted) return;
  member.impaired = true;
  try {
    await takeOut(cluster, member, () => over.aborted);
  } finally {
    release(member);
  }
}

/** Asks until it is out; then its process has to end, and its disk is taken. */
async function takeOut(cluster: Cluster, member: Member, isOver: IsOver): Promise<void> {
  member.removalAsked = true;
  member.mustLeave = true;
  for (;;) {
    if (isOver()) return;
    const found = await findMember(cluster, member.name);
    if (found !== null && found.id === null) break;
    if (found !== null) {
      const through = administrator(cluster, member);
      await cluster.administer(through, ['member', 'remove', String(found.id)], ADMIN_MS);
    }
    await pause(AGAIN_MS);
  }
  await Promise.race([member.ended, pause(HEARS_MS)]);
  await member.kill();
  member.isIn = false;
  member.role = member.joinsAs;
  member.mustLeave = false;
  await cluster.wipe(member);
}

/** What the cluster knows of a name; null where nobody answers, an id of null where it knows none. */
async function findMember(
  cluster: Cluster,
  name: string,
): Promise<{ readonly id: number | null; readonly role: string } | null> {
  const status = await cluster.status();
  if (status === null) return null;
  return status.members.find((member) => member.name === name) ?? { id: null, role: 'none' };
}

function administrator(cluster: Cluster, member: Member): Member {
  const usable = cluster.members.filter(
    (other) => other !== member && other.running && !other.impaired,
  );
  return usable[Math.floor(Math.random() * usable.length)] ?? member;
}
