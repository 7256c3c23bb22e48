import type { Cluster, Member } from '../cluster/index.ts';
import { claim, type Fault, last, release, type Scene } from './fault.ts';

const ADMIN_MS = 15_000;
/** How long a member may take to hear that it was removed. */
const HEARS_MS = 8_000;
const REJOINS_MS = 20_000;

/** Hands leadership to a voter of choice, or to the one that is furthest along. */
export const transfer: Fault = async (scene) => {
  const { cluster, random } = scene;
  const status = await cluster.status();
  const voters = status?.members.filter(({ role }) => role === 'voter') ?? [];
  if (voters.length === 0) return null;
  const to = random.chance(0.7) ? random.pick(voters) : null;
  const words = ['member', 'transfer', ...(to === null ? [] : [String(to.id)])];
  const { code, output } = await cluster.administer(through(scene), words, ADMIN_MS);
  return `to ${to?.name ?? 'anyone'}: ${code === 0 ? 'done' : `not done (${output.slice(-120)})`}`;
};

/** Takes a member out for good, and lets it join again as a new one, with an empty disk. */
export const replace: Fault = async (scene) => {
  const { cluster } = scene;
  const member = await claim(scene);
  if (member === null) return null;
  // Those come and go in a lane of their own.
  if (member.elastic) {
    release(member);
    return null;
  }
  try {
    const id = await idOf(cluster, member.name);
    if (id === null) return null;
    // Whatever the answer will be: from now on the member may hear that it was removed.
    member.removalAsked = true;
    const through = cluster.members.find((other) => other !== member && !other.impaired) ?? member;
    const words = ['member', 'remove', String(id)];
    const { code, output } = await cluster.administer(through, words, ADMIN_MS);
    if (code !== 0) return `${member.name} not done (${output.slice(-120)})`;
    await takenOut(scene, member);
    return `${member.name}: member ${id} out, ${await rejoined(scene, member)}`;
  } finally {
    release(member);
  }
};

async function takenOut(scene: Scene, member: Member): Promise<void> {
  const givesUp = new Promise((resolve) => setTimeout(resolve, HEARS_MS).unref());
  await Promise.race([member.ended, givesUp]);
  await member.kill();
  await scene.cluster.wipe(member);
  await last(scene, scene.random.between(0, 1000));
  member.start();
}

/** Waits until it is what it was, and asks for its vote on the way, as an operator without patience would. */
async function rejoined(scene: Scene, { name, role }: Member): Promise<string> {
  const { cluster, over } = scene;
  const endMs = performance.now() + REJOINS_MS;
  const unasked = role === 'voter' ? 'was promoted' : 'a learner';
  let asked = unasked;
  while (!over.aborted && performance.now() < endMs) {
    const status = await cluster.status();
    const found = status?.members.find((candidate) => candidate.name === name);
    if (found !== undefined && found.role === role) return `member ${found.id} in, ${asked}`;
    if (found !== undefined && asked === unasked) {
      const words = ['member', 'promote', String(found.id)];
      const { code } = await cluster.administer(through(scene), words, ADMIN_MS);
      asked = `was promoted, when asked for: ${code === 0 ? 'done' : 'refused'}`;
    }
    await last(scene, 200);
  }
  return 'still on its way in';
}

async function idOf(cluster: Cluster, name: string): Promise<number | null> {
  const status = await cluster.status();
  const found = status?.members.find((candidate) => candidate.name === name);
  return status?.members.length === cluster.members.length ? (found?.id ?? null) : null;
}

function through({ cluster, random }: Scene): Member {
  const usable = cluster.members.filter((member) => member.running && !member.impaired);
  return random.pick(usable.length > 0 ? usable : cluster.members);
}
